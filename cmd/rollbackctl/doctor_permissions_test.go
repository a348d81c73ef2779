package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/access"
)

// TestDoctorAsksTheDaemonForItsPermissions, and shows them so that nothing in the answer acts on a terminal.
func TestDoctorAsksTheDaemonForItsPermissions(t *testing.T) {
	config := filepath.Join(t.TempDir(), "rollbackd.yaml")
	require.NoError(t, os.WriteFile(config, []byte(`{instance: x, environments: [production], prometheus: {url: "http://p:9090"}, policies: [{name: all, signals: [{name: e, requests: a, errors: b}]}]}`), 0o600))
	report := access.Report{CheckedAt: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC), Needed: 9, Missing: []access.Lack{}}
	daemon := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/v1/permissions" {
			_ = json.NewEncoder(w).Encode(report)
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(daemon.Close)
	doctor := func(more ...string) (int, string, string) {
		return (&stack{}).run(t, append([]string{"doctor", "--config", config, "--permissions", "--daemon", daemon.URL}, more...)...)
	}
	code, out, problems := doctor()
	require.Equal(t, exitDone, code, problems)
	require.Contains(t, out, "9 of 9 are there")

	report.Missing = []access.Lack{{Feature: access.PodLogs, Namespace: "shop", Verb: "get", Resource: "pods/log\x1b[2J", Without: "no logs", Mend: "add it"}}
	code, out, problems = doctor()
	require.Equal(t, exitRefused, code)
	require.Contains(t, problems, "1 permission of 9 missing")
	require.Contains(t, out, "in namespace shop is missing (podLogs): no logs\n           → add it\n")
	require.NotContains(t, out, "\x1b")
	code, out, _ = doctor("-o", "json")
	require.Equal(t, exitRefused, code)
	var read access.Report
	require.NoError(t, json.Unmarshal([]byte(out), &read))
	require.Equal(t, report, read)

	report = access.Report{}
	code, _, problems = doctor()
	require.Equal(t, exitUsage, code)
	require.Contains(t, problems, "has not looked at its permissions yet")
	code, _, problems = doctor("--workload", "shop/checkout")
	require.Equal(t, exitUsage, code)
	require.Contains(t, problems, "one of them at a time")
	code, _, problems = doctor("--daemon", daemon.URL+"/other")
	require.Equal(t, exitUsage, code)
	require.Contains(t, problems, "404")
}
