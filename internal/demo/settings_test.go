package demo

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/config"
	"github.com/rollbackd/rollbackd/internal/localstack"
	"github.com/rollbackd/rollbackd/internal/watch"
)

func TestSettingsAreWhatTheTableSays(t *testing.T) {
	d := &daemon{folder: t.TempDir(), nats: "127.0.0.1:4222", http: "127.0.0.1:9654"}
	text, err := settings(d, localstack.Addresses{Prometheus: "http://127.0.0.1:9090", DaemonKubeconfig: "/tmp/kubeconfig", Scrape: "1s"})
	require.NoError(t, err)
	cfg, err := config.Parse(text)
	require.NoError(t, err)
	require.Len(t, cfg.WatchPolicies(), 1)
	policy, w := cfg.WatchPolicies()[0], shortened()
	require.Len(t, policy.Signals, 2)
	require.Equal(t, signalErrors, policy.Signals[0].Name)
	require.Equal(t, signalLatency, policy.Signals[1].Name)
	for _, signal := range policy.Signals {
		require.Equal(t, w.For, signal.Rule.For)
		require.Equal(t, w.Window, signal.Rule.Window)
	}
	require.Equal(t, w.Baseline, policy.BaselineWindow)
	require.Equal(t, w.Watch, policy.Stages[2].Until)
	require.Equal(t, watch.Automatic, policy.Stages[0].Mode)
}

// TestExampleConfiguration holds deploy/example.yaml to what the daemon reads. It lies here because the demo's is the
// other configuration that users see.
func TestExampleConfiguration(t *testing.T) {
	cfg, err := config.Load(filepath.Join("..", "..", "deploy", "example.yaml"))
	require.NoError(t, err)
	require.Len(t, cfg.WatchPolicies(), 1)
	require.Len(t, cfg.WatchPolicies()[0].Signals, 3)
}

func TestDaemonLogFindsChangesOfState(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollbackd.log")
	log, err := newDaemonLog(path)
	require.NoError(t, err)
	lines := `{"time":"2026-11-22T10:00:00Z","msg":"rollbackd is running","http":"127.0.0.1:9654"}
panic: not JSON
{"time":"2026-11-22T10:00:01Z","msg":"state changed","watch":"a","to":"Watching","reason":"version v2 is live"}
{"time":"2026-11-22T10:00:02Z","msg":"state changed","watch":"b","to":"Pending","reason":"accepted"}
`
	for _, part := range []string{lines[:200], lines[200:]} {
		_, err := log.Write([]byte(part))
		require.NoError(t, err)
	}
	require.NoError(t, log.close())
	require.Len(t, log.of("a"), 1)
	require.Equal(t, "version v2 is live", log.of("a")[0].Reason)
	kept, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, lines, string(kept))
}
