package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const example = "../../deploy/example.yaml"

// What makes no sense is told before anybody is asked.
func TestBacktestSinceThatCannotBeRun(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"neither":             {nil, "either --deployments or --since"},
		"both":                {[]string{"--since", "1d", "--deployments", "-"}, "either --deployments or --since"},
		"no span":             {[]string{"--since", "yesterday"}, `--since "yesterday" is not a span of time; write it as 30d`},
		"an empty span":       {[]string{"--since", "0s"}, "is not a span of time"},
		"flags without since": {[]string{"--deployments", "-", "--print-events"}, "have a meaning with --since only"},
		"no namespace's name": {[]string{"--since", "1d", "--namespace", "Shop"}, `--namespace "Shop" is not a namespace's name`},
		"no environment":      {[]string{"--since", "1d", "--environment", "staging"}, `--environment "staging" is not one of the configuration's; use one of production`},
		"no cluster":          {[]string{"--since", "1d", "--kubeconfig", "absent"}, "kubernetes: no cluster to talk to"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, problems := (&stack{}).run(t, append([]string{"backtest", "--config", example}, c.args...)...)
			require.Equal(t, exitUsage, code)
			require.Empty(t, out)
			require.Contains(t, problems, c.want)
		})
	}
}

func TestEnvironmentOfTheCluster(t *testing.T) {
	for name, c := range map[string]struct {
		flag       string
		configured []string
		want, err  string
	}{
		"the only one":   {"", []string{"production"}, "production", ""},
		"the one named":  {"staging", []string{"production", "staging"}, "staging", ""},
		"one of several": {"", []string{"production", "staging"}, "", "say with --environment which one the cluster is"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := (&clusterHistory{environment: c.flag}).chooseEnvironment(c.configured)
			require.Equal(t, c.want, got)
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
			}
		})
	}
}
