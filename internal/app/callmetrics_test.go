package app

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
)

// countOf returns how many calls have these labels.
func countOf(t *testing.T, r *prometheus.Registry, name string, labels map[string]string) int {
	t.Helper()
	families, err := r.Gather()
	require.NoError(t, err)
	n := 0
	for _, f := range families {
		for _, m := range f.GetMetric() {
			same := f.GetName() == name
			for _, l := range m.GetLabel() {
				same = same && labels[l.GetName()] == l.GetValue()
			}
			if same {
				n += int(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return n
}

func TestCallsAreMeasured(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		_, _ = io.WriteString(w, "yes")
	}))
	registry := prometheus.NewRegistry()
	m := newCallMetrics(registry)
	cluster := &http.Client{Transport: measuredCluster{http.DefaultTransport, m.kubernetes}}
	prom := &http.Client{Transport: measuredQueries{http.DefaultTransport, m.prometheus}}
	call := func(c *http.Client, method, path string) error {
		r, err := http.NewRequest(method, server.URL+path, nil)
		require.NoError(t, err)
		resp, err := c.Do(r)
		if err != nil {
			return err
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.Body.Close()
	}
	for _, path := range []string{"/apis/apps/v1/deployments", "/api/v1/pods?watch=true"} {
		require.NoError(t, call(cluster, http.MethodGet, path))
	}
	require.NoError(t, call(cluster, http.MethodPatch, "/apis/apps/v1/namespaces/shop/deployments/web"))
	for _, path := range []string{"/api/v1/query", "/prefix/api/v1/query", "/api/v1/query_range", "/-/anything/of/a/user"} {
		require.NoError(t, call(prom, http.MethodPost, path))
	}
	server.Close()
	require.Error(t, call(cluster, http.MethodGet, "/version"))
	require.Error(t, call(prom, http.MethodPost, "/api/v1/query"))

	const kubernetes, queries = "rollbackd_kubernetes_request_duration_seconds", "rollbackd_prometheus_request_duration_seconds"
	for _, c := range []struct {
		name   string
		labels map[string]string
		want   int
	}{
		{kubernetes, map[string]string{"verb": "get", "code": "200"}, 1},
		{kubernetes, map[string]string{"verb": "watch", "code": "200"}, 1},
		{kubernetes, map[string]string{"verb": "patch", "code": "403"}, 1},
		{kubernetes, map[string]string{"verb": "get", "code": "error"}, 1},
		{queries, map[string]string{"endpoint": "query", "code": "200"}, 2},
		{queries, map[string]string{"endpoint": "query_range", "code": "200"}, 1},
		{queries, map[string]string{"endpoint": "other", "code": "200"}, 1},
		{queries, map[string]string{"endpoint": "query", "code": "error"}, 1},
	} {
		require.Equal(t, c.want, countOf(t, registry, c.name, c.labels), "%s %v", c.name, c.labels)
	}
	require.Equal(t, 6, testutil.CollectAndCount(m.kubernetes), "no more series than kinds of calls")
}
