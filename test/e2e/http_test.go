package e2e

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNobodyActsOverHTTP: the endpoints ask for no credentials, so that nothing may be done by them. Nothing is, whatever the request says
// of itself.
func TestNobodyActsOverHTTP(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, nil)
	for _, path := range []string{
		"/", "/-/healthy", "/-/ready", "/-/quit", "/metrics", "/api/v1/watches", "/api/v1/watches/x", "/api/v1/watches/x/approve",
		"/api/v1/incidents", "/api/v1/permissions", "/incidents/", "/debug/pprof/",
	} {
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, "APPROVE"} {
			r, err := http.NewRequestWithContext(t.Context(), method, "http://"+d.HTTP+path, strings.NewReader(`{"verb":"rollback"}`))
			require.NoError(t, err)
			r.Header.Set("X-HTTP-Method-Override", http.MethodGet)
			answer, err := http.DefaultClient.Do(r)
			require.NoError(t, err)
			_, _ = io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
			require.Contains(t, []int{http.StatusMethodNotAllowed, http.StatusNotFound}, answer.StatusCode, "%s %s", method, path)
		}
	}
	code, _, err := d.get("/debug/pprof/")
	require.NoError(t, err)
	require.Equal(t, http.StatusNotFound, code, "what a daemon holds in memory is not for everybody")
}
