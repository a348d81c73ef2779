package web

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// watches are those that a supervisor would show.
type watches []watch.Watch

func (w watches) Watches() []watch.Watch { return w }

func (w watches) Get(key string) (watch.Watch, bool) {
	for _, one := range w {
		if one.Key == key {
			return one, true
		}
	}
	return watch.Watch{}, false
}

func some() watches {
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	return watches{
		{Key: "production.shop.b", State: watch.Held, Reason: "<b>&", Incident: "i1", AcceptedAt: at, Since: at,
			Event: event.Event{ID: "d2", Environment: "production", Namespace: "shop", Workload: "checkout", Version: "v2"}},
		{Key: "production.shop.a", State: watch.Pending, AcceptedAt: at, Since: at, Policy: watch.Policy{Name: "http"}},
	}
}

// ask returns the status, the content type and the body of an answer.
func ask(t *testing.T, o Options, method, path string) (int, string, string) {
	t.Helper()
	if o.Gatherer == nil {
		o.Gatherer = prometheus.NewRegistry()
	}
	recorder := httptest.NewRecorder()
	handler, err := Handler(o)
	require.NoError(t, err)
	handler.ServeHTTP(recorder, httptest.NewRequest(method, path, nil))
	answer := recorder.Result()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, answer.Header.Get("Content-Type"), string(body)
}

func TestReady(t *testing.T) {
	parts := map[string]error{"prometheus": nil, "nats": nil, "kubernetes": nil}
	o := Options{Ready: func() map[string]error { return parts }}
	status, kind, body := ask(t, o, http.MethodGet, "/-/ready")
	require.Equal(t, []any{200, "text/plain; charset=utf-8", "kubernetes: ok\nnats: ok\nprometheus: ok\n"}, []any{status, kind, body})

	parts["prometheus"] = errors.New("connection refused")
	status, _, body = ask(t, o, http.MethodGet, "/-/ready")
	require.Equal(t, []any{503, "kubernetes: ok\nnats: ok\nprometheus: connection refused\n"}, []any{status, body})
}

// An error of several lines stays the one line of its part.
func TestReadyKeepsALineAPart(t *testing.T) {
	o := Options{Ready: func() map[string]error {
		return map[string]error{"nats": errors.Join(errors.New("one"), errors.New("two")), "prometheus": nil}
	}}
	_, _, body := ask(t, o, http.MethodGet, "/-/ready")
	require.Equal(t, "nats: one; two\nprometheus: ok\n", body)
}

func TestHealthy(t *testing.T) {
	status, _, body := ask(t, Options{}, http.MethodGet, "/-/healthy")
	require.Equal(t, []any{200, "rollbackd is healthy.\n"}, []any{status, body})
}

func TestList(t *testing.T) {
	status, kind, body := ask(t, Options{Watches: some()}, http.MethodGet, "/api/v1/watches")
	require.Equal(t, []any{200, "application/json"}, []any{status, kind})
	var list struct {
		Watches []map[string]any `json:"watches"`
	}
	require.NoError(t, json.Unmarshal([]byte(body), &list))
	require.Equal(t, map[string]any{
		"id": "production.shop.b", "eventId": "d2", "environment": "production", "namespace": "shop", "workload": "checkout", "kind": "Deployment", "version": "v2",
		"policy": "", "state": "Held", "final": true, "reason": "<b>&", "incident": "i1",
		"acceptedAt": "2026-11-22T10:00:00Z", "since": "2026-11-22T10:00:00Z",
	}, list.Watches[0])
	require.Equal(t, "production.shop.a", list.Watches[1]["id"])
	require.Equal(t, false, list.Watches[1]["final"])

	_, _, body = ask(t, Options{Watches: watches{}}, http.MethodGet, "/api/v1/watches")
	require.JSONEq(t, `{"watches":[]}`, body, "an empty list is a list")
}

func TestShow(t *testing.T) {
	status, kind, body := ask(t, Options{Watches: some()}, http.MethodGet, "/api/v1/watches/production.shop.a")
	require.Equal(t, []any{200, "application/json"}, []any{status, kind})
	require.Contains(t, body, `"policy":"http"`)

	status, kind, body = ask(t, Options{Watches: some()}, http.MethodGet, "/api/v1/watches/none")
	require.Equal(t, []any{404, "application/json"}, []any{status, kind})
	require.JSONEq(t, `{"error":"there is no watch with this id; /api/v1/watches lists them"}`, body)
}

// Programs that ask for what there is not get JSON below /api/ too.
func TestNoSuchEndpoint(t *testing.T) {
	status, kind, body := ask(t, Options{}, http.MethodGet, "/api/v1/nothing")
	require.Equal(t, []any{404, "application/json"}, []any{status, kind}, body)
	status, _, _ = ask(t, Options{}, http.MethodGet, "/nothing")
	require.Equal(t, 404, status)
}

// The endpoints show and never change anything.
func TestNothingCanBeChanged(t *testing.T) {
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		for _, path := range []string{"/-/healthy", "/-/ready", "/metrics", "/api/v1/permissions", "/api/v1/watches", "/api/v1/watches/production.shop.a", "/api/v1/incidents", "/", "/incidents/", "/incidents/i/", "/incidents/i/timeline.md", "/watches/w"} {
			status, _, _ := ask(t, Options{Watches: some(), Permissions: shownPermissions()}, method, path)
			require.Equal(t, http.StatusMethodNotAllowed, status, "%s %s", method, path)
		}
	}
}

// shownPermissions stands for the page of permissions.
func shownPermissions() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") })
}

func TestPermissionsAreShown(t *testing.T) {
	status, _, body := ask(t, Options{Permissions: shownPermissions()}, http.MethodGet, "/api/v1/permissions")
	require.Equal(t, []any{200, "{}"}, []any{status, body})
	status, _, _ = ask(t, Options{}, http.MethodGet, "/api/v1/permissions")
	require.Equal(t, 404, status, "nobody looks")
}

func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	watch.NewMetrics(registry)
	status, _, body := ask(t, Options{Gatherer: registry}, http.MethodGet, "/metrics")
	require.Equal(t, 200, status)
	require.Contains(t, body, "rollbackd_tick_lag_seconds")
}
