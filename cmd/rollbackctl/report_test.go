package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/report"
)

// The report is made from what the daemon's ledger has, read over NATS; a user who may control one namespace gets that one's.
func TestReport(t *testing.T) {
	s := startStack(t)
	reading(t, s)
	keep(t, s, "restored", "shop", "a")
	keep(t, s, "superseded", "shop", "b")
	keep(t, s, "hostile", "shop", "c")
	// The deployments of the testdata are of 22 November 2026.
	period := []string{"report", "--namespace", "shop", "--since", "2026-11-01"}
	if time.Now().After(time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)) {
		period = append(period, "--until", "2026-11-23")
	}

	code, out, problems := s.run(t, append(period, "-o", "json")...)
	require.Equal(t, exitDone, code, problems)
	var made report.Report
	require.NoError(t, json.Unmarshal([]byte(out), &made))
	require.GreaterOrEqual(t, made.Period.FailureRate.Count, 1)
	require.GreaterOrEqual(t, made.Period.Deployments, 2)
	require.NotZero(t, made.Period.Restore.Count)

	file := filepath.Join(t.TempDir(), "report.html")
	code, out, problems = s.run(t, append(period, "-o", "html", "--out", file)...)
	require.Equal(t, exitDone, code, problems)
	require.Empty(t, out)
	page, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(page), "</html>")
	require.NotContains(t, string(page), "<script")
	code, out, problems = s.run(t, period...)
	require.Equal(t, exitDone, code, problems)
	require.Contains(t, out, "Change failure rate")
	require.NotContains(t, out, "\x1b")

	code, _, problems = s.run(t, "report", "--since", "30d")
	require.Equal(t, exitRefused, code, "all namespaces are more than ci may read")
	require.Contains(t, problems, "give --namespace")
	for flag, says := range map[string]string{"--since=0": "needs a beginning", "--until=tomorrow": "is not a day or an instant that is past", "--since=2999-01-01": "is not before the end"} {
		code, _, problems = s.run(t, "report", "--namespace", "shop", flag)
		require.Equal(t, exitUsage, code)
		require.Contains(t, problems, says)
	}
	code, _, problems = s.run(t, append(period, "--out", "/nowhere/report.html")...)
	require.Equal(t, exitUsage, code)
	require.Contains(t, problems, "unable to write --out")
}
