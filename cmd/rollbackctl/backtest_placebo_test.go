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

// knowsNothing answers every question about samples with none.
func knowsNothing(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"status":"success","data":{"resultType":"matrix","result":[]}}`))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func backtestOf(t *testing.T, arguments ...string) (code int, out, errs string) {
	t.Helper()
	deployments := filepath.Join(t.TempDir(), "deployments.ndjson")
	require.NoError(t, os.WriteFile(deployments, []byte(twoDeployments), 0o600))
	var o, e bytes.Buffer
	code = run(t.Context(), append([]string{
		"backtest", "--config", filepath.Join("..", "..", "deploy", "example.yaml"), "--prometheus", knowsNothing(t), "--deployments", deployments,
	}, arguments...), surroundings{out: &o, err: &e, env: os.Getenv})
	return code, o.String(), e.String()
}

// Every form has the seed and what came of the placebos; the line that is no event is named still.
func TestBacktestOfPlacebos(t *testing.T) {
	for form, want := range map[string][]string{
		"text":   {"6 placebos", "None could be judged.", "--placebo-seed 9"},
		"html":   {"A placebo is a deployment that never was", "None could be judged.", "--placebo-seed 9", "placebo 3"},
		"ndjson": {`"id":"placebo-shop-checkout-1"`, `"compared":"before"`, `"compared":"half-of-pods"`, `{"summary":{"seed":9,`},
	} {
		t.Run(form, func(t *testing.T) {
			code, out, errs := backtestOf(t, "--placebo", "3", "--placebo-seed", "9", "--placebo-watch", "10m",
				"--placebo-from", "2026-11-22T12:00:00Z", "--placebo-until", "2026-11-23T12:00:00Z", "-o", form)
			require.Equal(t, exitUsage, code)
			require.Contains(t, errs, "line 2: ")
			for _, text := range want {
				require.Contains(t, out, text)
			}
		})
	}
}

func TestFlagsOfPlacebosAreChecked(t *testing.T) {
	for want, arguments := range map[string][]string{
		"--placebo -1 is no number of placebos":             {"--placebo", "-1"},
		"--placebo-seed has a meaning with --placebo only":  {"--placebo-seed", "3"},
		`--placebo-watch "soon" is not a span of time`:      {"--placebo", "3", "--placebo-watch", "soon"},
		`--placebo-from "yesterday" is not a time`:          {"--placebo", "3", "--placebo-from", "yesterday"},
		"there is nowhere to put a placebo":                 {"--placebo", "3", "--placebo-until", "2026-11-22T10:30:00Z"},
		"--placebo-from 2026-11-23T00:00:00Z is not before": {"--placebo", "3", "--placebo-from", "2026-11-23T00:00:00Z", "--placebo-until", "2026-11-22T10:30:00Z"},
	} {
		t.Run(want, func(t *testing.T) {
			code, _, errs := backtestOf(t, arguments...)
			require.Equal(t, exitUsage, code)
			require.Contains(t, errs, want)
		})
	}
}
