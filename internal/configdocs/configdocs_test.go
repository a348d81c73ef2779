package configdocs

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/config"
)

var update = flag.Bool("update", false, "write the reference and the schema anew")

const root = "../.."

func read(t *testing.T) Key {
	t.Helper()
	top, err := Read(root)
	require.NoError(t, err)
	return top
}

// Whoever changes a key, its default or its comment changes the documentation with it: make docs.
func TestTheDocumentationIsNotStale(t *testing.T) {
	presets, err := config.Presets()
	require.NoError(t, err)
	schema, err := Schema(read(t))
	require.NoError(t, err)
	for name, text := range map[string][]byte{"configuration.md": Markdown(read(t), presets), "config.schema.json": schema} {
		path := filepath.Join(root, "docs", name)
		if *update {
			require.NoError(t, os.WriteFile(path, text, 0o644))
		}
		have, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, string(text), string(have), "docs/%s is stale; run make docs and look at the diff", name)
	}
}

func TestEveryKeySaysWhatItMeans(t *testing.T) {
	all := flat(read(t))
	require.Greater(t, len(all), 50)
	for _, k := range all {
		require.NotEmpty(t, k.Meaning, k.Path)
		require.NotEmpty(t, k.Kind, k.Path)
	}
}

func flat(k Key) []Key {
	out := k.Keys
	for _, key := range k.Keys {
		out = append(out, flat(key)...)
	}
	return out
}

func TestKeysAreReadFromTheTypes(t *testing.T) {
	byPath := map[string]Key{}
	for _, k := range flat(read(t)) {
		byPath[k.Path] = k
	}
	for path, want := range map[string]Key{
		"instance":                                  {Kind: Text, Required: true},
		"environments[]":                            {Kind: Text, List: true, Required: true},
		"prometheus.timeout":                        {Kind: Duration, Default: "10s"},
		"prometheus.httpClient":                     {Kind: HTTPClient},
		"log.format":                                {Kind: Text, Default: "auto", Allowed: []string{"auto", "json", "console"}},
		"policies[].mode":                           {Kind: Text, Default: "observe", Allowed: []string{"observe", "approve", "automatic"}},
		"policies[].stages.onCall.mode":             {Kind: Text, Allowed: []string{"observe", "approve", "automatic"}},
		"policies[].alpha":                          {Kind: Number, Default: 0.001},
		"policies[].signals[].minRequests":          {Kind: Count, Default: uint64(100)},
		"policies[].signals[].strict":               {Kind: Truth, Default: false},
		"policies[].signals[].labels.pod":           {Kind: Text, Default: "pod"},
		"policies[].signals[].labels.version":       {Kind: Text},
		"policies[].signals[].maxIncrease.relative": {Kind: Number, Default: 0.1},
	} {
		got, ok := byPath[path]
		require.True(t, ok, path)
		want.Name, want.Path, want.Meaning = got.Name, got.Path, got.Meaning
		require.Equal(t, want, got)
	}
	require.Equal(t, "`until` is when it ends, counted from the deployment's start.", byPath["policies[].stages.active.until"].Meaning)
	require.Contains(t, byPath["policies[].signals[].kind"].Allowed, "latency")
	require.Contains(t, byPath["policies[].signals[].preset"].Allowed, "istio")
}

func TestMarkdownIsNotBrokenByWhatCommentsSay(t *testing.T) {
	require.Equal(t, "a \\* in `code *` and \\<b", prose("a * in `code *` and <b"))
	require.Equal(t, `one \| two`, cell("one | two"))
	require.Equal(t, "policiessignalslabels", anchor("policies[].signals[].labels"))
}
