package main

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares what a command printed with a file.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

// What is printed for people and for programs, and with which exit code.
func TestCheckConfig(t *testing.T) {
	files, err := filepath.Glob("testdata/check-config/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			code, out, problems := (&stack{}).run(t, "check-config", file)
			jsonCode, document, _ := (&stack{}).run(t, "check-config", "-o", "json", file)
			require.Equal(t, code, jsonCode)
			var result checked
			require.NoError(t, json.Unmarshal([]byte(document), &result))
			require.Equal(t, code == exitDone, result.OK)
			for _, m := range result.Mistakes {
				require.Positive(t, m.Line, m.Message)
			}
			require.NotContains(t, out+problems+document, "\x1b", "nothing of a file may steer the terminal")
			base := strings.TrimSuffix(file, ".yaml")
			golden(t, base+".text.golden", out+problems)
			golden(t, base+".json.golden", document)
		})
	}
}

func TestCheckConfigOfAFileThatCannotBeRead(t *testing.T) {
	code, out, problems := (&stack{}).run(t, "check-config", "testdata/absent.yaml")
	require.Equal(t, exitUsage, code)
	require.Empty(t, out)
	require.Contains(t, problems, "testdata/absent.yaml")
	code, _, _ = (&stack{}).run(t, "check-config")
	require.Equal(t, exitUsage, code)
}

// Where the daemon runs, as in helm test, a file that it could not use fails the check; elsewhere it is a warning.
func TestCheckConfigOfFiles(t *testing.T) {
	dir := t.TempDir()
	in := func(name, content string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	const least = `instance: test
environments: [production]
prometheus: {url: "http://127.0.0.1:9090"}
policies:
- {name: all, signals: [{name: errors, requests: r, errors: e}]}
`
	require.NoError(t, os.Mkdir(filepath.Join(dir, "folder"), 0o700))
	in("token", "canary-token\n")
	in("empty", " \n")
	in("web.yml", "basic_auth_users: {ana: [}\n")
	for name, test := range map[string]struct{ key, says string }{
		"usable":            {"tokenFile: token", ""},
		"missing":           {"tokenFile: nowhere", "http.tokenFile: open " + dir + "/nowhere: no such file or directory; without it"},
		"empty":             {"tokenFile: empty", "http.tokenFile: " + dir + "/empty is empty; without it"},
		"a folder":          {"tokenFile: folder", "is a directory; without it"},
		"no web config":     {"webConfig: nowhere.yml", "http.webConfig: "},
		"broken web config": {"webConfig: web.yml", "http.webConfig: "},
	} {
		t.Run(name, func(t *testing.T) {
			file := in(strings.ReplaceAll(name, " ", "-")+".yaml", least+"http: {"+test.key+"}\n")
			code, out, _ := (&stack{}).run(t, "check-config", file)
			require.Equal(t, exitDone, code, out)
			require.Contains(t, out, test.says)
			code, out, problems := (&stack{}).run(t, "check-config", "--files", file)
			require.NotContains(t, out+problems, "canary-token")
			if test.says == "" {
				require.Equal(t, exitDone, code, out)
				return
			}
			require.Equal(t, exitRefused, code, out)
			require.Contains(t, out, test.says)
			require.NotContains(t, out, ": ok")
		})
	}
}

// The configuration that the README shows has no mistake.
func TestCheckConfigOfTheExample(t *testing.T) {
	code, out, problems := (&stack{}).run(t, "check-config", "../../deploy/example.yaml")
	require.Equal(t, exitDone, code, problems)
	require.Contains(t, out, "ok, 1 policy")
}
