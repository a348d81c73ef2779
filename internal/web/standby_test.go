package web

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

// A standby is ready when it could take over, says what it is, and sends those who ask for watches to the leader.
func TestStandby(t *testing.T) {
	var nats error
	leader := ""
	handler := Standby(Options{
		Gatherer: prometheus.NewRegistry(), Permissions: shownPermissions(), Ready: func() map[string]error { return map[string]error{"nats": nats} },
	}, func() string { return leader })
	ask := func(method, path string) (int, string) {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequest(method, path, nil))
		return recorder.Code, recorder.Body.String()
	}

	status, body := ask(http.MethodGet, "/-/ready")
	require.Equal(t, []any{200, "nats: ok\nrole: standby; no replica is known to lead\n"}, []any{status, body})
	nats, leader = errors.New("not connected"), "pod-1"
	status, body = ask(http.MethodGet, "/-/ready")
	require.Equal(t, []any{503, "nats: not connected\nrole: standby; \"pod-1\" leads\n"}, []any{status, body})

	status, _ = ask(http.MethodGet, "/-/healthy")
	require.Equal(t, 200, status)
	status, _ = ask(http.MethodGet, "/metrics")
	require.Equal(t, 200, status)
	status, _ = ask(http.MethodGet, "/api/v1/permissions")
	require.Equal(t, 200, status, "a replica that could take over needs its permissions too")
	status, body = ask(http.MethodGet, "/api/v1/watches")
	require.Equal(t, 503, status)
	require.JSONEq(t, `{"error":"this replica is a standby and knows of no watch: \"pod-1\" leads"}`, body)
	status, _ = ask(http.MethodGet, "/")
	require.Equal(t, 503, status)
	status, _ = ask(http.MethodPost, "/api/v1/watches")
	require.Equal(t, 405, status)
}
