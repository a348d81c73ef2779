package config

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/watch"
)

func wrongCanary() []mistaken {
	return []mistaken{
		{inPolicy("canary: {rollback: delete}"), []string{`line 6: policies[0].canary.rollback: "delete" is not known; use scale-to-zero or undo`}},
		{inPolicy("canary: {allow: ['', '[']}"), []string{
			`line 6: policies[0].canary.allow[0]: "" is not a pattern; use a name with * and ?, such as {workload}-canary`,
			`line 6: policies[0].canary.allow[1]: "[" is not a pattern; use a name with * and ?, such as {workload}-canary`}},
		{inPolicy("canary: {steps: [{upTo: 25, watch: 1m}, {upTo: 25, watch: 0s}, {upTo: 101, watch: 1m}]}"), []string{
			"line 6: policies[0].canary.steps[1].upTo: 25 is not more than the step before it, 25, and at most 100; give per cent of the service, the smallest first",
			"line 6: policies[0].canary.steps[1].watch: 0s is not a positive duration; write it as 30s, 5m or 1h30m",
			"line 6: policies[0].canary.steps[2].upTo: 101 is not more than the step before it, 25, and at most 100; give per cent of the service, the smallest first"}},
	}
}

func TestCanaryDefaultsAreTheRunbooksWindows(t *testing.T) {
	c, err := Parse([]byte(least))
	require.NoError(t, err)
	require.Equal(t, watch.CanaryPolicy{Allow: []string{"{workload}-canary"}, Steps: []watch.CanaryStep{
		{UpTo: 25, Watch: 15 * time.Minute}, {UpTo: 100, Watch: 30 * time.Minute},
	}}, c.WatchPolicies()[0].Canary)
}
