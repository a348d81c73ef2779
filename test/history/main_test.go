package main

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCommand(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "history")
	var out, progress bytes.Buffer
	arguments := []string{"-out", dir, "-deployments", "1", "-before", "20m", "-after", "30m", "-faults", "error-jump"}
	require.NoError(t, run(t.Context(), arguments, &out, &progress))
	require.Contains(t, out.String(), "1 deployments from 2026-10-05T00:00:00Z to 2026-10-05T00:50:00Z, 1 of them bad")
	require.Contains(t, out.String(), "1 error-jump")
	require.Contains(t, progress.String(), "1 of 1 blocks")
	require.ErrorContains(t, run(t.Context(), arguments, &out, &progress), "-out: "+dir+" is not empty; name a new folder")
}

func TestMistakesAreExplained(t *testing.T) {
	for name, c := range map[string]struct {
		arguments []string
		says      string
	}{
		"no folder":    {nil, "-out: is missing; name the folder"},
		"no number":    {[]string{"-out", "x", "-deployments", "0"}, "-deployments: 0 is too little; make it more"},
		"no time":      {[]string{"-out", "x", "-start", "monday"}, `-start: "monday" is not a time; write it as`},
		"no fault":     {[]string{"-out", "x", "-faults", "none,gremlins"}, `-faults: "gremlins" is none; use one or more of none, `},
		"no layout":    {[]string{"-out", "x", "-layouts", "node"}, `-layouts: "node" is none; use one or more of pod, `},
		"no flag":      {[]string{"out"}, `unexpected argument "out"; everything is a flag`},
		"not so short": {[]string{"-out", "x", "-span", "1h"}, "-span: 1h0m0s is too short"},
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorContains(t, run(t.Context(), c.arguments, &bytes.Buffer{}, &bytes.Buffer{}), c.says)
		})
	}
}
