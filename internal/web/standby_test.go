package web

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

// A standby is ready when it could take over, says what it is, and shows what is stored as the leader would.
func TestStandby(t *testing.T) {
	var nats, reading error
	leader, refreshed := "", 0
	records := keeping(t, "restored")
	handler, err := Standby(Options{
		Watches: onWatch(), Records: records, Gatherer: prometheus.NewRegistry(), Permissions: shownPermissions(),
		Ready: func() map[string]error { return map[string]error{"nats": nats} },
	}, Following{Leader: func() string { return leader }, Refresh: func(context.Context) error { refreshed++; return reading }})
	require.NoError(t, err)
	ask := func(method, path string) (int, string) {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequest(method, path, nil))
		return recorder.Code, recorder.Body.String()
	}

	status, body := ask(http.MethodGet, "/-/ready")
	require.Equal(t, []any{200, "nats: ok\nrole: standby; no replica is known to lead\n"}, []any{status, body})
	nats, leader = errors.New("not connected"), `pod-1<script>`
	status, body = ask(http.MethodGet, "/-/ready")
	require.Equal(t, []any{503, "nats: not connected\nrole: standby; \"pod-1<script>\" leads\n"}, []any{status, body})

	for _, path := range []string{"/-/healthy", "/metrics", "/api/v1/permissions", "/look/page.css"} {
		status, _ = ask(http.MethodGet, path)
		require.Equal(t, 200, status, path)
	}
	require.Zero(t, refreshed, "what shows no watch reads none")
	for i, path := range []string{"/", "/watches/production.shop.b", "/incidents/", "/incidents/incident-20261122T100653Z/"} {
		response := getFrom(handler, path)
		require.Equal(t, 200, response.StatusCode, path)
		require.Equal(t, "standby", response.Header.Get(RoleHeader))
		body := bodyText(t, response)
		harmless(t, body)
		require.Contains(t, body, "This replica is a standby (&#34;pod-1&lt;script&gt;&#34; leads) and shows what is stored", path)
		require.Equal(t, i+1, refreshed, path)
	}
	// What programs are told is the same as of the leader.
	for _, path := range []string{"/api/v1/watches", "/api/v1/watches/production.shop.b", "/api/v1/incidents", "/api/v1/incidents/incident-20261122T100653Z"} {
		status, body = ask(http.MethodGet, path)
		require.Equal(t, 200, status, path)
		require.Equal(t, bodyText(t, get(t, Options{Watches: onWatch(), Records: records}, path)), body, path)
	}
	status, _ = ask(http.MethodPost, "/api/v1/watches")
	require.Equal(t, 405, status)

	reading = errors.New("NATS is away")
	status, body = ask(http.MethodGet, "/api/v1/watches")
	require.Equal(t, 503, status)
	require.JSONEq(t, `{"error":"this replica is a standby (\"pod-1<script>\" leads), and what is stored of the watches cannot be read now: NATS is away"}`, body)
	response := getFrom(handler, "/")
	require.Equal(t, 503, response.StatusCode)
	require.Equal(t, "text/plain; charset=utf-8", response.Header.Get("Content-Type"))
}
