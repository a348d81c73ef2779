package policytest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	policy = `
policies:
- name: errors
  signals: [{name: errors, requests: x_total, errors: 'x_total{code="500"}'}]
`
	before = "tests:\n- name: one\n  input_series: [{series: 'x_total{pod=\"a\"}', values: 0+1x99}]\n"
	after  = "  deployment: {at: 5m, environment: production, namespace: shop, workload: checkout, version: v2}\n  expect: {verdict: HEALTHY}\n"
)

// TestMistakes: each is told with its line and field, what is wrong, and what to do about it.
func TestMistakes(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"nothing":            {"\n", []string{"the file is empty; it needs"}},
		"no YAML":            {"tests: [", []string{"line 2: not YAML"}},
		"no policies":        {before + after, []string{"line 1: config: give either config"}},
		"both":               {"config: x.yaml" + policy + before + after, []string{"config: give either config"}},
		"no such config":     {"config: absent.yaml\n" + before + after, []string{"config: read the configuration", "absent.yaml"}},
		"unknown key":        {policy + before + after + "  wait: 1m\n", []string{`tests[0].wait: unknown key "wait"; check its spelling`}},
		"unknown policy key": {"policies:\n- {name: a, colour: red}\n" + before + after, []string{`line 2: policies[0].colour: unknown key "colour"`}},
		"mistaken policy":    {"policies:\n- {name: a}\n" + before + after, []string{"line 2: policies[0].signals: is empty"}},
		"no test":            {policy, []string{"tests: is empty; write at least one"}},
		"same name":          {policy + before + after + before[len("tests:\n"):] + after, []string{`line 10: tests[1].name: "one" is not a name of its own`}},
		"no series":          {policy + "tests:\n- name: one\n" + after, []string{"tests[0].input_series: is empty"}},
		"notation":           {policy + "tests:\n- name: one\n  input_series:\n  - {series: x_total, values: 1 two 3}\n" + after, []string{`line 8: tests[0].input_series[0]: "x_total" with the values "1 two 3"`, "write values such as 0+10x240"}},
		"twice":              {policy + "tests:\n- name: one\n  input_series: [{series: x_total, values: 1x9}, {series: '{__name__=\"x_total\"}', values: 1x9}]\n" + after, []string{"input_series[1].series: ", "is given twice; put its values into one"}},
		"interval":           {"interval: 15" + policy + before + after, []string{`line 1: interval: "15" is not a duration`}},
		"late":               {policy + before + "  deployment: {at: 2h, environment: production, namespace: shop, workload: checkout, version: v2}\n  expect: {verdict: HEALTHY}\n", []string{"line 8: tests[0].deployment.at: 2h is not before the end of the series, 24m45s"}},
		"no version":         {policy + before + "  deployment: {at: 5m, environment: production, namespace: shop, workload: checkout}\n  expect: {verdict: HEALTHY}\n", []string{"tests[0].deployment.version: is required", "name the version that was deployed"}},
		"verdict":            {policy + before + "  deployment: {at: 5m, environment: production, namespace: shop, workload: checkout, version: v2}\n  expect: {verdict: healthy}\n", []string{`line 9: tests[0].expect.verdict: "healthy" is not a verdict; use one of [REGRESSED`}},
		"span":               {policy + before + "  deployment: {at: 5m, environment: production, namespace: shop, workload: checkout, version: v2}\n  expect: {verdict: HEALTHY, between: [2m, 1m]}\n", []string{"expect.between: is not a span"}},
		"span of none":       {policy + before + "  deployment: {at: 5m, environment: production, namespace: shop, workload: checkout, version: v2}\n  expect: {verdict: NO_DATA, between: [1m, 2m]}\n", []string{"cannot be given with NO_DATA"}},
		"reason":             {policy + before + "  deployment: {at: 5m, environment: production, namespace: shop, workload: checkout, version: v2}\n  expect: {verdict: HEALTHY, reason: '('}\n", []string{`expect.reason: "(" is not a regular expression`}},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "scenarios.yaml")
			require.NoError(t, os.WriteFile(path, []byte(c.text), 0o600))
			tests, err := Load(path)
			require.Error(t, err)
			require.Empty(t, tests)
			require.Contains(t, err.Error(), path+": ")
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}

func TestTheIntervalIsThatOfTheScrapesUnlessSet(t *testing.T) {
	for text, want := range map[string]string{policy + before + after: "24m45s", "interval: 30s" + policy + before + after: "49m30s"} {
		path := filepath.Join(t.TempDir(), "scenarios.yaml")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		tests, err := Load(path)
		require.NoError(t, err)
		require.Len(t, tests, 1)
		require.Equal(t, want, tests[0].end().Sub(start).String())
	}
}

func TestAnEnvironmentMustBeOneOfTheConfiguration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scenarios.yaml")
	example, err := filepath.Abs("../../deploy/example.yaml")
	require.NoError(t, err)
	text := "config: " + example + "\n" + before + "  deployment: {at: 5m, environment: staging, namespace: shop, workload: checkout, version: v2}\n  expect: {verdict: HEALTHY}\n"
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	_, err = Load(path)
	require.ErrorContains(t, err, `tests[0].deployment.environment: "staging" is not one of the environments of the configuration; use one of ["production"]`)
}
