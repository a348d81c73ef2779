package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheChangeOfADrill(t *testing.T) {
	file := func(text string) string {
		path := filepath.Join(t.TempDir(), "bad.yaml")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	for _, tc := range []struct {
		name        string
		change      change
		patch, says string
	}{
		{"a variable", change{container: "app", env: []string{"FAIL=a=b", "SLOW="}}, `{"spec":{"containers":[{"name":"app","env":[{"name":"FAIL","value":"a=b"},{"name":"SLOW","value":""}]}]}}`, ""},
		{"an image", change{container: "app", image: "shop:bad"}, `{"spec":{"containers":[{"name":"app","image":"shop:bad"}]}}`, ""},
		{"a file", change{file: file("metadata: {annotations: {a: b}}\nspec: {containers: [{name: app, args: [--fail]}]}")},
			`{"metadata":{"annotations":{"a":"b"}},"spec":{"containers":[{"name":"app","args":["--fail"]}]}}`, ""},
		{"a file and a variable", change{file: file("metadata: {annotations: {a: b}}"), container: "app", env: []string{"FAIL=1"}},
			`{"metadata":{"annotations":{"a":"b"}},"spec":{"containers":[{"name":"app","env":[{"name":"FAIL","value":"1"}]}]}}`, ""},
		{"both say what a container is", change{file: file("spec: {containers: [{name: app}]}"), container: "app", image: "x"}, "", "--template has containers already"},
		{"nothing", change{}, "", "what is to be bad about it?"},
		{"no container", change{image: "x"}, "", "which container is meant"},
		{"no value", change{container: "app", env: []string{"FAIL"}}, "", "--set-env FAIL is not NAME=VALUE"},
		{"a whole Deployment", change{file: file("kind: Deployment\nspec: {}")}, "", `has the key "kind"`},
		{"no YAML", change{file: file("{")}, "", "is not the YAML of a pod template"},
		{"no file", change{file: "/nowhere"}, "", "unable to read the template"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			patch, err := tc.change.patch()
			if tc.says != "" {
				require.ErrorContains(t, err, tc.says)
				return
			}
			require.NoError(t, err)
			require.True(t, json.Valid(patch))
			require.JSONEq(t, tc.patch, string(patch))
		})
	}
}

// Nobody is asked anything before it is known that a drill makes sense.
func TestADrillThatIsNotBegun(t *testing.T) {
	s := &stack{env: map[string]string{"ROLLBACKD_NATS": "nats://127.0.0.1:1", "ROLLBACKD_NATS_USER": "ana"}}
	for _, environment := range []string{"production", "prod"} {
		code, _, problems := s.run(t, "drill", "shop/checkout", "--env", environment, "--container", "app", "--set-env", "FAIL=1", "--yes")
		require.Equal(t, exitRefused, code)
		require.Contains(t, problems, environment+" is where the users are")
	}
	code, _, problems := s.run(t, "drill", "shop/checkout", "--env", "staging", "--container", "app", "--set-env", "FAIL=1", "--recover-within", "1m")
	require.Equal(t, exitUsage, code)
	require.Contains(t, problems, "recovery comes after detection")
}
