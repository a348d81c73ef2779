package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// withSinks writes a configuration with these sinks.
func withSinks(t *testing.T, sinks string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rollbackd.yaml")
	text := "instance: prod\nenvironments: [production]\nprometheus: {url: 'http://p:9090'}\nnotify:\n  sinks: " + sinks + `
policies:
- name: http
  signals:
  - {name: errors, requests: r_total, errors: 'r_total{code="500"}'}
`
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestNotifyTest(t *testing.T) {
	file := withSinks(t, "[{name: one, log: {}}, {name: two, log: {}}]")
	code, out, _ := (&stack{}).run(t, "notify-test", "--config", file)
	require.Equal(t, exitDone, code)
	require.Regexp(t, `^one \(log\): sent, \d+\.\ds\ntwo \(log\): sent, \d+\.\ds\n$`, out)

	code, out, _ = (&stack{}).run(t, "notify-test", "--config", file, "--sink", "two", "-o", "json")
	require.Equal(t, exitDone, code)
	var results []tried
	require.NoError(t, json.Unmarshal([]byte(out), &results))
	require.Len(t, results, 1)
	require.Equal(t, []any{"two", "log", true}, []any{results[0].Sink, results[0].Kind, results[0].OK})

	// One that cannot be made, or of what only the daemon has, keeps no other from being tried.
	code, out, problems := (&stack{}).run(t, "notify-test", "--config", withSinks(t, "[{name: bad, slack: {channel: C024BE91L, tokenFile: absent}}, {name: docs, cdevents: {}}, {name: good, log: {}}]"))
	require.Equal(t, exitRefused, code)
	require.Regexp(t, `(?s)^bad \(slack\): FAILED: .*absent.*\ndocs \(cdevents\): FAILED: .*\ngood \(log\): sent, \d+\.\ds\n$`, out)
	require.Contains(t, problems, "2 sinks of 3 did not take it")

	code, _, problems = (&stack{}).run(t, "notify-test", "--config", file, "--sink", "three")
	require.Equal(t, exitUsage, code)
	require.Contains(t, problems, `there is no sink "three"; use one of one, two`)
	code, _, problems = (&stack{}).run(t, "notify-test", "--config", withSinks(t, "[]"))
	require.Equal(t, exitRefused, code)
	require.Contains(t, problems, "notices go to the daemon's log only")
	code, _, _ = (&stack{}).run(t, "notify-test")
	require.Equal(t, exitUsage, code)
}
