package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/policytest"
)

// What is printed of tests that fail, for people and for programs.
func TestPolicyTestThatFails(t *testing.T) {
	const base = "testdata/policy-test/failing"
	code, out, problems := (&stack{}).run(t, "policy-test", base+".yaml")
	require.Equal(t, exitRefused, code)
	require.NotContains(t, out, "\x1b", "nothing of a file may steer the terminal")
	golden(t, base+".text.golden", out+problems)

	code, document, _ := (&stack{}).run(t, "policy-test", "-o", "json", base+".yaml")
	require.Equal(t, exitRefused, code)
	var summary policytest.Summary
	require.NoError(t, json.Unmarshal([]byte(document), &summary))
	require.Equal(t, 1, summary.Passed)
	require.Equal(t, 2, summary.Failed)
	require.Empty(t, summary.Tests[0].Courses)
	require.Len(t, summary.Tests[1].Failures, 4)
	require.Equal(t, 45.0, *summary.Tests[1].Came.AfterSeconds)
	require.Len(t, summary.Tests[1].Courses, 2)
	require.Len(t, summary.Tests[1].Courses[0].Ticks, 3)
	require.Nil(t, summary.Tests[2].Came.AfterSeconds)
}

// The example that the documentation shows passes.
func TestPolicyTestOfTheExample(t *testing.T) {
	code, out, problems := (&stack{}).run(t, "policy-test", "../../deploy/policy-test.yaml")
	require.Equal(t, exitDone, code, out+problems)
	require.Contains(t, out, "REGRESSED by errors, 45s after the deployment")
	code, out, _ = (&stack{}).run(t, "policy-test", "--run", "left alone", "../../deploy/policy-test.yaml")
	require.Equal(t, exitDone, code)
	require.NotContains(t, out, "REGRESSED")
}

func TestPolicyTestThatCannotBeRun(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "broken.yaml")
	require.NoError(t, os.WriteFile(broken, []byte("polices: []\n"), 0o600))
	for name, c := range map[string]struct {
		args []string
		want []string
	}{
		"no file":            {nil, []string{"requires at least 1 arg"}},
		"absent file":        {[]string{"absent.yaml"}, []string{"absent.yaml"}},
		"all mistakes":       {[]string{"absent.yaml", broken}, []string{"absent.yaml", broken + `: line 1: polices: unknown key`}},
		"no such test":       {[]string{"--run", "nonesuch", "../../deploy/policy-test.yaml"}, []string{`"nonesuch"`}},
		"no regular pattern": {[]string{"--run", "(", "../../deploy/policy-test.yaml"}, []string{"--run"}},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, problems := (&stack{}).run(t, append([]string{"policy-test"}, c.args...)...)
			require.Equal(t, exitUsage, code)
			require.Empty(t, out)
			for _, want := range c.want {
				require.Contains(t, problems, want)
			}
		})
	}
}
