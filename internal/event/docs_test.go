package event

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

type property struct {
	Type      string
	Enum      []string
	MaxLength int
	MaxItems  int
	Default   any
}

func schema(t *testing.T) (properties map[string]property, required []string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/event.schema.json")
	require.NoError(t, err)
	var document struct {
		Properties map[string]property
		Required   []string
	}
	require.NoError(t, json.Unmarshal(text, &document))
	return document.Properties, document.Required
}

func TestSchemaNamesTheFieldsOfEvent(t *testing.T) {
	properties, _ := schema(t)
	require.ElementsMatch(t, slices.Collect(maps.Keys(knownFields())), slices.Collect(maps.Keys(properties)))
}

func TestSchemaRequiresWhatDecodeRequires(t *testing.T) {
	properties, required := schema(t)
	for field := range properties {
		payload := map[string]any{}
		require.NoError(t, json.Unmarshal([]byte(with()), &payload))
		delete(payload, field)
		text, err := json.Marshal(payload)
		require.NoError(t, err)
		_, err = Decode(checkout, text)
		require.Equal(t, slices.Contains(required, field), err != nil, field)
	}
}

func TestSchemaLimitsAreThoseOfDecode(t *testing.T) {
	properties, _ := schema(t)
	for field, property := range properties {
		if property.Type != "string" || property.MaxLength == 0 {
			continue
		}
		long, _ := json.Marshal(strings.Repeat("x", property.MaxLength+1))
		_, err := Decode(checkout, []byte(with(field, string(long))))
		require.ErrorContains(t, err, `field "`+field+`"`)
		if property.MaxLength == MaxText || property.MaxLength == MaxReference {
			fits, _ := json.Marshal(strings.Repeat("x", property.MaxLength))
			_, err = Decode(checkout, []byte(with(field, string(fits))))
			require.NoError(t, err, field)
		}
	}
	require.Equal(t, MaxApprovals, properties["approvals"].MaxItems)
}

func TestSchemaValuesAreThoseOfDecode(t *testing.T) {
	properties, _ := schema(t)
	e := decoded(t, with())
	require.Equal(t, []string{string(KindDeployment), string(KindStatefulSet), string(KindDaemonSet)}, properties["kind"].Enum)
	require.Equal(t, []string{string(StrategyRolling), string(StrategyBlueGreen), string(StrategyCanary)},
		properties["strategy"].Enum)
	require.Equal(t, []string{string(StatusSuccess), string(StatusStarted), string(StatusFailed)}, properties["status"].Enum)
	require.Equal(t, string(e.Kind), properties["kind"].Default)
	require.Equal(t, string(e.Strategy), properties["strategy"].Default)
	require.Equal(t, string(e.Status), properties["status"].Default)
}

func TestDocumentationIsTrue(t *testing.T) {
	text, err := os.ReadFile("../../docs/events.md")
	require.NoError(t, err)
	for field := range knownFields() {
		require.Contains(t, string(text), "| `"+field+"` |", "the table of fields")
	}
	source, err := os.ReadFile("rejection.go")
	require.NoError(t, err)
	for _, code := range regexp.MustCompile(`Code = "([a-z-]+)"`).FindAllStringSubmatch(string(source), -1) {
		require.Contains(t, string(text), "| `"+code[1]+"` |", "the table of codes")
	}
	examples := regexp.MustCompile("(?m)^\\{.*\"version\":.*\\}$").FindAll(text, -1)
	require.GreaterOrEqual(t, len(examples), 4)
	for _, example := range examples {
		var target Target
		require.NoError(t, json.Unmarshal(example, &target))
		_, err := Decode(target.Subject(), example)
		require.NoError(t, err, "%s", example)
	}
}

// TestDocumentedEventsOfOthers: what the documentation has people publish to try it is read.
func TestDocumentedEventsOfOthers(t *testing.T) {
	text, err := os.ReadFile("../../docs/events.md")
	require.NoError(t, err)
	between := func(begin, end string) []byte {
		_, rest, found := strings.Cut(string(text), begin)
		require.True(t, found, begin)
		body, _, found := strings.Cut(rest, end)
		require.True(t, found, end)
		return []byte(body)
	}
	e, err := Decode(checkout, between("<<'JSON'\n", "\nJSON\n"))
	require.NoError(t, err)
	require.Equal(t, "v1.2.3", e.Version)

	h := map[string][]string{}
	binary := between("-H ce-specversion:1.0", "\n```")
	for _, header := range regexp.MustCompile(`-H ([a-z-]+):(\S+)`).FindAllSubmatch(append([]byte("-H ce-specversion:1.0"), binary...), -1) {
		h[string(header[1])] = []string{string(header[2])}
	}
	require.Len(t, h, 6)
	document, rejection := Structured(h, []byte(regexp.MustCompile(`'(.*)'`).FindSubmatch(binary)[1]))
	require.Nil(t, rejection)
	_, err = Decode(checkout, document)
	require.NoError(t, err)

	f, err := DecodeFlux(between("nats pub flux.production '", "'"))
	require.NoError(t, err)
	require.Equal(t, "Flux Kustomization flux-system/shop", f.String())
}
