package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/backtest"
	"github.com/rollbackd/rollbackd/internal/localstack"
	"github.com/rollbackd/rollbackd/internal/sampleapp"
)

const backtestConfig = `
instance: e2e
environments: [production]
kubernetes: {kubeconfig: %q}
prometheus: {url: %q, scrapeInterval: %s}
policies:
- name: errors
  match: [{namespace: %s}]
  signals:
  - {name: errors, requests: http_requests_total, errors: 'http_requests_total{code=~"5.."}'}
`

// TestBacktestOfTheClustersOwnHistory: what the ReplicaSets of a real control plane tell is listed, can be edited, and is
// replayed; the API server is only read.
func TestBacktestOfTheClustersOwnHistory(t *testing.T) {
	w := onStack(t)
	s := newServiceWith(t, w, 20)
	s.deploy("v2", sampleapp.Behaviour{})
	require.NoError(t, s.AwaitRollout(t.Context()))
	s.deploy("v3", sampleapp.Behaviour{})
	require.NoError(t, s.AwaitRollout(t.Context()))

	binary, file := filepath.Join(filepath.Dir(w.binary), "rollbackctl"), filepath.Join(t.TempDir(), "rollbackd.yaml")
	text := fmt.Sprintf(backtestConfig, w.stack.DaemonKubeconfig, w.stack.Prometheus, w.stack.Scrape, s.Namespace)
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	run := func(args ...string) []byte {
		var out, problems bytes.Buffer
		cmd := exec.CommandContext(t.Context(), binary, append([]string{"backtest", "--config", file, "--since", "1h"}, args...)...)
		cmd.Stdout, cmd.Stderr = &out, &problems
		require.NoError(t, cmd.Run(), problems.String())
		return out.Bytes()
	}

	events, err := backtest.ReadEvents(bytes.NewReader(run("--print-events")))
	require.NoError(t, err)
	require.Len(t, events, 2, "v1 was the first version, and no deployment")
	for i, e := range events {
		require.Equal(t, fmt.Sprintf("v%d", i+2), e.Version)
		require.Equal(t, fmt.Sprintf("v%d", i+1), e.PreviousVersion)
		require.Equal(t, s.Namespace+"/"+s.Name, e.Namespace+"/"+e.Workload)
	}

	lines := bytes.Split(bytes.TrimSpace(run("-o", "ndjson")), []byte("\n"))
	require.Len(t, lines, 2)
	for i, line := range lines {
		var outcome backtest.Outcome
		require.NoError(t, json.Unmarshal(line, &outcome), string(line))
		require.Equal(t, events[i].ID, outcome.ID)
		require.NotEmpty(t, outcome.Verdict)
		require.NotEmpty(t, outcome.Reason)
	}

	calls, err := w.stack.Audit(t.Context(), localstack.AuditQuery{Namespace: s.Namespace, User: "rollbackd"})
	require.NoError(t, err)
	require.NotEmpty(t, calls)
	for _, c := range calls {
		require.Equal(t, "list", c.Verb, "it only reads")
	}
}
