package event

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const checkout = "deployments.production.shop.checkout"

// document writes a valid event with some of its fields replaced; the empty string removes a field.
func doc(replace map[string]string) string {
	fields := map[string]string{
		"timestamp": `"2026-11-22T10:00:00Z"`, "environment": `"production"`, "namespace": `"shop"`,
		"workload": `"checkout"`, "version": `"v1.2.3"`,
	}
	for name, value := range replace {
		fields[name] = value
	}
	var parts []string
	for name, value := range fields {
		if value != "" {
			parts = append(parts, `"`+name+`":`+value)
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func with(pairs ...string) string {
	replace := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		replace[pairs[i]] = pairs[i+1]
	}
	return doc(replace)
}

func TestDecodeReadsEveryField(t *testing.T) {
	payload := `{"id":"deploy-1","timestamp":"2026-11-22T12:00:00+02:00","environment":"production",
	 "namespace":"shop","workload":"checkout","kind":"Deployment","strategy":"blue-green",
	 "version":"v1.2.3","previousVersion":"v1.2.2","commit":"abc123","operator":"ana","approvals":["SENTINEL","SERVICE-OWNER"],
	 "status":"started","hotfix":true,"schemaChange":true,"policy":"http","verification":"logs/ci/smoke.log",
	 "service":"app-service","selectorKey":"version","from":"blue","to":"green","canary":"app-canary","step":25,"ticket":{"n":1}}`
	e, err := Decode(checkout, []byte(payload))
	require.NoError(t, err)
	require.Equal(t, Event{
		ID: "deploy-1", Timestamp: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC), Environment: "production",
		Namespace: "shop", Workload: "checkout", Kind: KindDeployment, Strategy: StrategyBlueGreen, Version: "v1.2.3",
		PreviousVersion: "v1.2.2", Commit: "abc123", Operator: "ana", Approvals: []string{"SENTINEL", "SERVICE-OWNER"},
		Status: StatusStarted, Hotfix: true, SchemaChange: true, Policy: "http", Verification: "logs/ci/smoke.log",
		Service: "app-service", SelectorKey: "version", From: "blue", To: "green", Canary: "app-canary", Step: 25,
		Raw: []byte(payload),
	}, e)
}

func TestDecodeReadsOtherKinds(t *testing.T) {
	for _, kind := range []Kind{KindStatefulSet, KindDaemonSet} {
		e, err := Decode(checkout, []byte(with("kind", `"`+string(kind)+`"`)))
		require.NoError(t, err)
		require.Equal(t, kind, e.Kind)
	}
}

func TestDecodeFillsInDefaults(t *testing.T) {
	e, err := Decode(checkout, []byte(with("operator", "null", "approvals", "[]")))
	require.NoError(t, err)
	require.Equal(t, KindDeployment, e.Kind)
	require.Equal(t, StrategyRolling, e.Strategy)
	require.Equal(t, StatusSuccess, e.Status)
	require.Empty(t, e.Approvals)
}

func TestDecodeRejects(t *testing.T) {
	long := strings.Repeat("x", 257)
	tests := []struct {
		name, subject, payload string
		code                   Code
		field, text            string
	}{
		{"empty", "", "", CodeMalformed, "", "the document is empty"},
		{"not JSON", "", "{\n\"version\":oops}", CodeMalformed, "", "not valid JSON at line 2"},
		{"truncated", "", `{"version":"v1"`, CodeMalformed, "", "not valid JSON"},
		{"two documents", "", with() + with(), CodeMalformed, "", "not valid JSON"},
		{"a list", "", "[]", CodeMalformed, "", "the document is a list"},
		{"null", "", "null", CodeMalformed, "", "the document is null"},
		{"not UTF-8", "", with("commit", "\"\xff\""), CodeMalformed, "", "UTF-8"},
		{"too large", "", with("note", `"`+strings.Repeat("x", MaxPayload)+`"`), CodeTooLarge, "", "more than 65536"},
		{"duplicate", "", `{"version":"v1","version":"v2"}`, CodeDuplicate, "version", "more than once"},
		{"escaped duplicate", "", `{"version":"v1","versio\u006e":"v2"}`, CodeDuplicate, "version", "more than once"},
		{"subject", "deployments.production.checkout", with(), CodeSubject, "", "does not have the form"},

		{"other environment", "", with("environment", `"staging"`), CodeUnauthorised, "environment", `"production"`},
		{"other namespace", "", with("namespace", `"other"`), CodeUnauthorised, "namespace",
			`field "namespace": "other" does not match the subject's namespace "shop"; ` +
				`publish on deployments.production.other.checkout, if your NATS user may`},
		{"other workload", "", with("workload", `"cart"`), CodeUnauthorised, "workload", "deployments.production.shop.cart"},
		{"bad namespace", "", with("namespace", `"Shop.*"`), CodeInvalid, "namespace", `"Shop.*" is not an RFC 1123 label`},
		{"bad workload", "", with("workload", `"a..b"`), CodeInvalid, "workload", "RFC 1123 subdomain"},

		{"no timestamp", "", with("timestamp", ""), CodeMissing, "timestamp", "is required"},
		{"no environment", "", with("environment", "null"), CodeMissing, "environment", "is required"},
		{"no namespace", "", with("namespace", ""), CodeMissing, "namespace", "is required"},
		{"no workload", "", with("workload", `""`), CodeMissing, "workload", "is required"},
		{"no version", "", with("version", ""), CodeMissing, "version", "is required"},
		{"version by another case", "", with("version", "", "Version", `"v1"`), CodeMissing, "version", "is required"},

		{"unix timestamp", "", with("timestamp", "1763805600"), CodeType, "timestamp", "1763805600 is a number, not a string"},
		{"loose timestamp", "", with("timestamp", `"2026-11-22 10:00"`), CodeInvalid, "timestamp", "RFC 3339"},
		{"ancient timestamp", "", with("timestamp", `"0000-01-01T00:00:00+01:00"`), CodeInvalid, "timestamp", "1970"},
		{"number for version", "", with("version", "1.2"), CodeType, "version", "1.2 is a number, not a string"},
		{"object for version", "", with("version", `{"a":1}`), CodeType, "version", "is an object, not a string"},
		{"string for hotfix", "", with("hotfix", `"true"`), CodeType, "hotfix", `"true" is a string, not true or false`},
		{"string for approvals", "", with("approvals", `"ana"`), CodeType, "approvals", "not a list of strings"},
		{"number in approvals", "", with("approvals", `["ana",7]`), CodeType, "approvals", "not a list of strings"},
		{"null in approvals", "", with("approvals", `["ana",null]`), CodeInvalid, "approvals[1]", "is empty"},

		{"long version", "", with("version", `"`+long+`"`), CodeInvalid, "version", "longer than 256 bytes"},
		{"control character", "", with("version", `"v1\n"`), CodeInvalid, "version", `"v1\n" is longer than`},
		{"invisible character", "", with("operator", `"a\u202ena"`), CodeInvalid, "operator", `"a\u202ena"`},
		{"long id", "", with("id", `"`+long+`"`), CodeInvalid, "id", "longer than"},
		{"long approval", "", with("approvals", `["`+long+`"]`), CodeInvalid, "approvals[0]", "longer than"},
		{"many approvals", "", with("approvals", `["a"`+strings.Repeat(`,"a"`, 32)+`]`), CodeInvalid, "approvals", "33 entries"},
		{"long verification", "", with("verification", `"`+strings.Repeat("x", 2049)+`"`), CodeInvalid, "verification", "2048"},

		{"unknown status", "", with("status", `"done"`), CodeInvalid, "status", `"done" is not known; use one of success, started, failed`},
		{"unknown strategy", "", with("strategy", `"big-bang"`), CodeInvalid, "strategy", "rolling, blue-green, canary"},
		{"other kind", "", with("kind", `"CronJob"`), CodeUnsupported, "kind", "kind Deployment, StatefulSet or DaemonSet only"},
		{"blue-green of another kind", "", with("kind", `"StatefulSet"`, "strategy", `"blue-green"`, "service", `"s"`, "selectorKey", `"v"`,
			"from", `"a"`, "to", `"b"`), CodeUnsupported, "strategy", `"blue-green" is for Deployments, and not for a StatefulSet`},

		{"blue-green without service", "", with("strategy", `"blue-green"`), CodeMissing, "service", `strategy "blue-green"`},
		{"blue-green without to", "", with("strategy", `"blue-green"`, "service", `"s"`, "selectorKey", `"v"`, "from", `"blue"`),
			CodeMissing, "to", "is required"},
		{"blue-green to itself", "", with("strategy", `"blue-green"`, "service", `"s"`, "selectorKey", `"v"`,
			"from", `"blue"`, "to", `"blue"`), CodeInvalid, "to", `the same as "from"`},
		{"canary without canary", "", with("strategy", `"canary"`), CodeMissing, "canary", "is required"},
		{"canary of itself", "", with("strategy", `"canary"`, "canary", `"checkout"`), CodeInvalid, "canary", `the same as "workload"`},
		{"string for step", "", with("step", `"25"`), CodeType, "step", `"25" is a string, not a number`},
		{"step in fractions", "", with("step", "0.25"), CodeInvalid, "step", "0.25 is not a whole number of per cent from 1 to 100"},
		{"step of nothing", "", with("step", "0"), CodeInvalid, "step", "0 is not"},
		{"step of more than all", "", with("step", "101"), CodeInvalid, "step", "101 is not"},
		{"bad selector key", "", with("selectorKey", `"a/b/c"`), CodeInvalid, "selectorKey", "label key"},
		{"bad selector value", "", with("to", `"green!"`), CodeInvalid, "to", "label value"},
		{"bad service", "", with("service", `"App_Service"`), CodeInvalid, "service", "RFC 1123"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			subject := test.subject
			if subject == "" {
				subject = checkout
			}
			_, err := Decode(subject, []byte(test.payload))
			var rejection *Rejection
			require.ErrorAs(t, err, &rejection)
			require.Equal(t, test.code, rejection.Code, rejection.Error())
			require.Equal(t, test.field, rejection.Field)
			require.Contains(t, rejection.Error(), test.text)
			require.NotEmpty(t, rejection.Fix)
		})
	}
}

func TestParseNeedsNoSubject(t *testing.T) {
	e, err := Parse([]byte(with()))
	require.NoError(t, err)
	require.Equal(t, checkout, e.Target().Subject())
	_, err = Parse([]byte(with("environment", "")))
	require.ErrorContains(t, err, `field "environment": is required`)
}

func TestRejectionShowsLittleOfTheValue(t *testing.T) {
	_, err := Decode(checkout, []byte(with("version", `"`+strings.Repeat(`\u001b`, 5000)+`"`)))
	require.Error(t, err)
	require.Less(t, len(err.Error()), 1000)
	require.NotContains(t, err.Error(), "\x1b")
}

func TestCheckAge(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	tests := []struct {
		name string
		ago  time.Duration
		code Code
	}{
		{"now", 0, ""},
		{"at the window's end", 24 * time.Hour, ""},
		{"past the window", 24*time.Hour + time.Second, CodeStale},
		{"a little ahead", -MaxAhead, ""},
		{"far ahead", -MaxAhead - time.Second, CodeFuture},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			rejection := CheckAge(Event{Timestamp: now.Add(-test.ago)}, now, 24*time.Hour)
			if test.code == "" {
				require.Nil(t, rejection)
				return
			}
			require.NotNil(t, rejection)
			require.Equal(t, test.code, rejection.Code)
			require.Equal(t, "timestamp", rejection.Field)
		})
	}
}
