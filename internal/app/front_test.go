package app

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

// A daemon that waits for NATS lives and is not ready; afterwards its own endpoints answer.
func TestFront(t *testing.T) {
	f := &front{}
	ask := func(path string) int {
		recorder := httptest.NewRecorder()
		f.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
		return recorder.Code
	}
	require.Equal(t, http.StatusOK, ask("/-/healthy"))
	require.Equal(t, http.StatusServiceUnavailable, ask("/-/ready"))
	require.Equal(t, http.StatusServiceUnavailable, ask("/api/v1/watches"))

	require.Equal(t, http.StatusServiceUnavailable, ask("/metrics"))
	f.measure(prometheus.NewRegistry())
	require.Equal(t, http.StatusOK, ask("/metrics"), "whoever waits for NATS is watched too")

	f.become(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	for _, path := range []string{"/-/healthy", "/-/ready"} {
		require.Equal(t, http.StatusTeapot, ask(path))
	}
}
