package event

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// cloudevent wraps data; pairs of edits are applied to what is around it.
func cloudevent(data string, edits ...string) string {
	around := strings.NewReplacer(edits...).Replace(`{"specversion":"1.0","id":"run-7","source":"https://ci.example/shop","type":"com.example.deployed",` +
		`"time":"2026-11-22T10:00:00Z","datacontenttype":"application/json","traceparent":"00-1",`)
	return around + `"data":` + data + "}"
}

const bare = `{"environment":"production","namespace":"shop","workload":"checkout","version":"v1.2.3"}`

func TestCloudEvents(t *testing.T) {
	fromCDEvent := "https://ci.example/shop run-7"
	for name, tc := range map[string]struct{ document, id string }{
		"a CDEvent":                      {cloudevent(cdevent(), "com.example.deployed", "dev.cdevents.service.deployed.0.3.0", "json", "cdevents+json; charset=utf-8"), fromCDEvent},
		"our own event":                  {cloudevent(with()), fromCDEvent},
		"our own event, with an id":      {cloudevent(with("id", `"d1"`)), "d1"},
		"our own event, without a time":  {cloudevent(bare), fromCDEvent},
		"no content type":                {cloudevent(bare, `"datacontenttype":"application/json",`, ""), fromCDEvent},
		"data in base64":                 {strings.Replace(cloudevent(`"`+base64.StdEncoding.EncodeToString([]byte(bare))+`"`), `"data"`, `"data_base64"`, 1), fromCDEvent},
		"a long source":                  {cloudevent(bare, "shop", strings.Repeat("x", 300)), "sha256:"},
		"a CDEvent with a type of yours": {cloudevent(cdevent()), fromCDEvent},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := Decode(checkout, []byte(tc.document))
			require.NoError(t, err)
			require.True(t, strings.HasPrefix(e.ID, tc.id), e.ID)
			require.Equal(t, "v1.2.3", e.Version)
			require.Equal(t, time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC), e.Timestamp)
			require.Equal(t, tc.document, string(e.Raw))
			require.Equal(t, checkout, e.Target().Subject())
			parsed, err := Parse([]byte(tc.document))
			if strings.Contains(tc.document, "cdevents") {
				require.Equal(t, "namespace", rejection(t, err).Field, "before it has a subject, a CDEvent does not tell its workload")
				return
			}
			require.NoError(t, err)
			require.Equal(t, e, parsed)
		})
	}
}

func TestCloudEventsThatAreRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		document string
		code     Code
		field    string
	}{
		"an older version":          {cloudevent(bare, "1.0", "0.3"), CodeUnsupported, "specversion"},
		"no id":                     {cloudevent(bare, `"id":"run-7",`, ""), CodeMissing, "id"},
		"an empty source":           {cloudevent(bare, "https://ci.example/shop", ""), CodeMissing, "source"},
		"two sources":               {cloudevent(bare, `"id"`, `"source":"x","id"`), CodeDuplicate, "source"},
		"data twice":                {cloudevent(bare, `"id"`, `"data":{},"id"`), CodeDuplicate, "data"},
		"no data":                   {cloudevent(`null`), CodeMissing, "data"},
		"data that is a text":       {cloudevent(`"x"`), CodeType, "data"},
		"data in both ways":         {cloudevent(bare, `"id"`, `"data_base64":"e30=","id"`), CodeInvalid, "data_base64"},
		"data that is not base64":   {strings.Replace(cloudevent(`"?"`), `"data"`, `"data_base64"`, 1), CodeInvalid, "data_base64"},
		"base64 that is not JSON":   {strings.Replace(cloudevent(`"AAAA"`), `"data"`, `"data_base64"`, 1), CodeMalformed, "data"},
		"data that is XML":          {cloudevent(bare, "application/json", "text/xml"), CodeUnsupported, "datacontenttype"},
		"a type that promises more": {cloudevent(bare, "com.example.deployed", "dev.cdevents.service.deployed.0.3.0"), CodeInvalid, "data"},
		"one in another":            {cloudevent(cloudevent(bare)), CodeInvalid, "data"},
		"a field of ours twice":     {cloudevent(strings.Replace(bare, "{", `{"version":"v1",`, 1)), CodeDuplicate, "version"},
		"another workload":          {cloudevent(strings.Replace(bare, "checkout", "cart", 1)), CodeUnauthorised, "workload"},
		"no time":                   {cloudevent(bare, `"time"`, `"sometime"`), CodeMissing, "timestamp"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Decode(checkout, []byte(tc.document))
			r := rejection(t, err)
			require.Equal(t, tc.code, r.Code, "%v", r)
			require.Equal(t, tc.field, r.Field)
		})
	}
}

// A document of ours may hold fields of any other name, as long as it is not a CloudEvent or a CDEvent altogether.
func TestNativeEventsWithFieldsOfOthers(t *testing.T) {
	for _, document := range []string{
		with("specversion", `"1.0"`, "type", `"x"`), with("context", `{"type":"x"}`, "subject", `{}`), with("type", `1`, "source", `"s"`, "specversion", `"1.0"`),
		strings.Replace(with(), "{", `{"type":"a","type":"b",`, 1),
	} {
		e, err := Decode(checkout, []byte(document))
		require.NoError(t, err, document)
		require.Empty(t, e.ID)
		require.Equal(t, document, string(Native(checkout, []byte(document))))
	}
}

func headers(pairs ...string) map[string][]string {
	out := map[string][]string{}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = append(out[pairs[i]], pairs[i+1])
	}
	return out
}

func TestBinaryModeIsTheStructuredMode(t *testing.T) {
	document, rejection := Structured(headers("CE-SpecVersion", "1.0", "ce-id", "run%207", "Ce-Source", `"https://ci.example/shop"`,
		"ce-type", "com.example.deployed", "ce-time", "2026-11-22T10:00:00Z", "Content-Type", "application/json", "ce-team", "caf%C3%A9 \\"), []byte(" "+bare+"\n"))
	require.Nil(t, rejection)
	require.Equal(t, `{"datacontenttype":"application/json","id":"run 7","source":"https://ci.example/shop","specversion":"1.0","team":"café \\",`+
		`"time":"2026-11-22T10:00:00Z","type":"com.example.deployed","data":`+bare+`}`, string(document))
	e, err := Decode(checkout, document)
	require.NoError(t, err)
	require.Equal(t, "https://ci.example/shop run 7", e.ID)
	require.Equal(t, document, []byte(e.Raw), "the record holds the headers too")

	cd, rejection := Structured(headers("ce-specversion", "1.0", "ce-id", "run-7", "ce-source", "https://ci.example/shop",
		"ce-type", "dev.cdevents.service.deployed.0.3.0"), []byte(cdevent()))
	require.Nil(t, rejection)
	fromBinary, err := Decode(checkout, cd)
	require.NoError(t, err)
	alone, err := Decode(checkout, []byte(cdevent()))
	require.NoError(t, err)
	require.Equal(t, alone.Key(), fromBinary.Key())
	require.True(t, SameBody(alone, fromBinary), "the same event in another mode is the same event")
}

func TestOtherMessagesAreTheirOwnDocument(t *testing.T) {
	for name, h := range map[string]map[string][]string{
		"no headers": nil, "other headers": headers("Nats-Msg-Id", "1", "traceparent", "00"), "a content type": headers("Content-Type", "application/json"),
		"the structured mode": headers("content-type", "application/cloudevents+json; charset=UTF-8", "ce-id", "7", "ce-type", "x", "ce-source", "y"),
		"a stray attribute":   headers("ce-team", "shop"),
	} {
		document, rejection := Structured(h, []byte("not JSON"))
		require.Nil(t, rejection, name)
		require.Equal(t, "not JSON", string(document), name)
	}
}

func TestBinaryModeThatIsRefused(t *testing.T) {
	valid := []string{"ce-specversion", "1.0", "ce-id", "7", "ce-source", "s", "ce-type", "t"}
	for name, tc := range map[string]struct {
		headers map[string][]string
		payload string
		code    Code
	}{
		"a header twice":                 {headers(append(valid, "ce-id", "8")...), bare, CodeDuplicate},
		"a header in two spellings":      {headers(append(valid, "Ce-Id", "8")...), bare, CodeDuplicate},
		"an attribute named data":        {headers(append(valid, "ce-data", "{}")...), bare, CodeInvalid},
		"an attribute of other letters":  {headers(append(valid, "ce-\u202e", "x")...), bare, CodeInvalid},
		"a broken encoding":              {headers("ce-specversion", "1.0", "ce-id", "%zz"), bare, CodeInvalid},
		"not UTF-8":                      {headers("ce-specversion", "1.0", "ce-id", "%ff"), bare, CodeInvalid},
		"a payload that is not JSON":     {headers(valid...), "{", CodeMalformed},
		"a payload that closes the data": {headers(valid...), bare + `,"id":"9"`, CodeMalformed},
		"headers that are too large":     {headers(append(valid, "ce-x", strings.Repeat("x", MaxPayload))...), bare, CodeTooLarge},
		"a batch":                        {headers("Content-Type", "application/cloudevents-batch+json"), "[]", CodeUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			_, r := Structured(tc.headers, []byte(tc.payload))
			require.NotNil(t, r)
			requireSafe(t, r)
			require.Equal(t, tc.code, r.Code, "%v", r)
		})
	}
}

// The same event may come again with another envelope; an event that says something else under the same id is another.
func TestCloudEventsAgain(t *testing.T) {
	first, err := Decode(checkout, []byte(cloudevent(bare)))
	require.NoError(t, err)
	for document, same := range map[string]bool{
		cloudevent(bare, "00-1", "00-2"):                                true,
		cloudevent(strings.Replace(bare, "{", `{ "hotfix": false,`, 1)): true,
		cloudevent(strings.Replace(bare, "v1.2.3", "v2", 1)):            false,
		cloudevent(strings.Replace(bare, "{", `{"ticket":7,`, 1)):       false,
	} {
		second, err := Decode(checkout, []byte(document))
		require.NoError(t, err)
		require.Equal(t, first.Key(), second.Key())
		require.Equal(t, same, SameBody(first, second), document)
	}
	started, err := Decode(checkout, []byte(cloudevent(strings.Replace(bare, "{", `{"id":"d","status":"started",`, 1))))
	require.NoError(t, err)
	done, err := Decode(checkout, []byte(cloudevent(strings.Replace(bare, "{", `{"id":"d",`, 1), "run-7", "run-8", "10:00:00", "10:05:00")))
	require.NoError(t, err)
	require.True(t, Completes(started, done), "two CloudEvents may announce the two ends of one deployment")
}

func FuzzStructured(f *testing.F) {
	f.Add("ce-id", "7", "ce-source", "s%20s", []byte(bare))
	f.Add("CE-type", `"\"x"`, "Content-Type", "application/json; charset=utf-8", []byte(cdevent()))
	f.Add("ce-data", "x", "ce-id", "%ff", []byte("{}"))
	f.Fuzz(func(t *testing.T, name1, value1, name2, value2 string, payload []byte) {
		h := headers("ce-specversion", "1.0", "ce-type", "t", "ce-source", "s", "ce-id", "7")
		h[name1], h[name2] = append(h[name1], value1), append(h[name2], value2)
		document, rejection := Structured(h, payload)
		if rejection != nil {
			requireSafe(t, rejection)
			return
		}
		require.LessOrEqual(t, len(document), max(MaxPayload, len(payload)))
		e, err := Decode(checkout, document)
		if err != nil {
			requireSafe(t, err)
			return
		}
		requireInvariants(t, checkout, e)
		require.True(t, json.Valid(Native(checkout, document)))
	})
}
