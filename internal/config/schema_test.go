package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v4"
)

func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile("../../docs/config.schema.json")
	require.NoError(t, err)
	return schema
}

// document is YAML as JSON Schema knows values.
func document(t *testing.T, data []byte) any {
	t.Helper()
	var value any
	require.NoError(t, yaml.Load(data, &value))
	text, err := json.Marshal(value)
	require.NoError(t, err)
	out, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	require.NoError(t, err)
	return out
}

// An editor that goes by the schema does not complain of what the daemon takes.
func TestTheSchemaAcceptsWhatIsValid(t *testing.T) {
	schema := compiledSchema(t)
	paths, err := filepath.Glob("testdata/valid/*.yaml")
	require.NoError(t, err)
	for _, path := range append(paths, "../../deploy/example.yaml") {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		_, err = Parse(data)
		require.NoError(t, err, path)
		require.NoError(t, schema.Validate(document(t, data)), path)
	}
	presets, err := Presets()
	require.NoError(t, err)
	valid := [][]byte{[]byte(least)}
	for _, p := range presets {
		valid = append(valid, []byte(byPreset(p.Name)))
	}
	for _, data := range valid {
		require.NoError(t, schema.Validate(document(t, data)), string(data))
	}
}

// Every test file together shows that the schema knows every key that there is.
func TestEveryKeyIsTried(t *testing.T) {
	var tried []string
	paths, err := filepath.Glob("testdata/valid/*.yaml")
	require.NoError(t, err)
	for _, path := range paths {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		var root yaml.Node
		require.NoError(t, yaml.Load(data, &root))
		walk(&root, nil, func(_ *yaml.Node, at []any) { tried = append(tried, withoutIndices(at)) })
	}
	var schema map[string]any
	text, err := os.ReadFile("../../docs/config.schema.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &schema))
	for _, key := range keysOf(schema, "") {
		require.True(t, slices.Contains(tried, key), "no file in testdata/valid has the key %s", key)
	}
}

func withoutIndices(path []any) string {
	var names []any
	for _, step := range path {
		if name, ok := step.(string); ok {
			names = append(names, name)
		}
	}
	return dotted(names)
}

func keysOf(schema map[string]any, at string) (out []string) {
	if items, ok := schema["items"].(map[string]any); ok {
		return keysOf(items, at)
	}
	properties, _ := schema["properties"].(map[string]any)
	for name, property := range properties {
		path := strings.TrimPrefix(at+"."+name, ".")
		out = append(append(out, path), keysOf(property.(map[string]any), path)...)
	}
	return out
}

// What it can tell of the mistakes, unknown keys and wrong types above all, it refuses.
func TestTheSchemaRefusesMistakes(t *testing.T) {
	schema := compiledSchema(t)
	refused := 0
	for i, m := range mistakes() {
		data, says := edited(m.edit...), strings.Join(m.says, "\n")
		if strings.Contains(says, "given twice") || strings.Contains(says, "not YAML") || strings.Contains(says, "the file is empty") || strings.Contains(says, "several YAML documents") {
			continue // not a document
		}
		for _, sign := range []string{"unknown key", "it must be", "is not a duration", "is not a level", "is not a mode", "is not a kind", "policies: is empty"} {
			if strings.Contains(says, sign) {
				require.Error(t, schema.Validate(document(t, data)), strconv.Itoa(i)+": "+says)
				refused++
				break
			}
		}
	}
	require.Greater(t, refused, 15)
	require.Error(t, schema.Validate(document(t, edited(inSignal("preset: istoi")...))))
}
