package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const twoDeployments = `{"id":"a","timestamp":"2026-11-22T10:00:00Z","environment":"production","namespace":"shop","workload":"checkout","version":"v2"}
{"id":"b","timestamp":"2026-11-22T11:00:00Z","environment":"production","namespace":"shop","workload":"<b>","version":"v3"}
{"id":"c","timestamp":"2026-11-22T12:00:00Z","environment":"production","namespace":"shop","workload":"cart","version":"v3"}
`

// TestBacktestShowsWhatItCannotRead asks a Prometheus that refuses everything: every form says so of each deployment, the line
// that is no event is named, and nothing is left behind.
func TestBacktestShowsWhatItCannotRead(t *testing.T) {
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) }))
	defer refusing.Close()
	deployments := filepath.Join(t.TempDir(), "deployments.ndjson")
	require.NoError(t, os.WriteFile(deployments, []byte(twoDeployments), 0o600))
	for form, want := range map[string]string{
		"text":   "rollbackd would have rolled back none of 2 deployments, asked a person about none, and left 2 alone.",
		"html":   "rollbackd would have rolled back none of 2 deployments, asked a person about none, and left 2 alone.",
		"ndjson": `{"id":"a","verdict":"NO_DATA","decidedAt":null,`,
	} {
		t.Run(form, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			var out, errs bytes.Buffer
			code := run(t.Context(), []string{
				"backtest", "--config", filepath.Join("..", "..", "deploy", "example.yaml"), "--prometheus", refusing.URL, "--deployments", deployments, "-o", form,
			}, surroundings{out: &out, err: &errs, env: os.Getenv})
			require.Equal(t, exitUsage, code)
			require.Contains(t, out.String(), want)
			require.Contains(t, errs.String(), "the past of 2 deployments could not be read")
			require.Contains(t, errs.String(), "line 2: ")
			left, err := os.ReadDir(os.TempDir())
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}
