package app

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/internal/config"
)

// Probes are answered in plain HTTP, and nothing else is, whatever is behind them.
func TestProbesHaveAnAddressOfTheirOwn(t *testing.T) {
	none, err := listenForProbes(config.HTTP{Listen: "127.0.0.1:0"})
	require.NoError(t, err)
	require.Nil(t, none)
	listener, err := listenForProbes(config.HTTP{Probes: "127.0.0.1:0"})
	require.NoError(t, err)
	_, err = listenForProbes(config.HTTP{Probes: listener.Addr().String()})
	require.ErrorContains(t, err, "http.probes: ")

	behind := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "asked for "+r.URL.Path) })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- serveProbes(ctx, listener, behind, zap.NewNop()) }()
	for path, want := range map[string]int{"/-/healthy": 200, "/-/ready": 200, "/": 404, "/metrics": 404, "/-/reload": 404, "/api/v1/watches": 404, "/debug/pprof/": 404, "/-/healthy/x": 404} {
		response, err := http.Get("http://" + listener.Addr().String() + path)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, want, response.StatusCode, path)
		if want == 200 {
			require.Equal(t, "asked for "+path, string(body))
		}
	}
	recorder := httptest.NewRecorder()
	onlyProbes(behind).ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/-/ready", nil))
	require.Equal(t, http.StatusMethodNotAllowed, recorder.Code)
	http.DefaultClient.CloseIdleConnections()
	cancel()
	require.NoError(t, <-done)
}
