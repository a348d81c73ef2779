package e2e

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/promclient"
	"github.com/rollbackd/rollbackd/internal/sampleapp"
)

// TestAroundCountsWhatPrometheusHolds: what is counted around a release is, to the request, what the counters of a real
// Prometheus grew by.
func TestAroundCountsWhatPrometheusHolds(t *testing.T) {
	w := onStack(t)
	names := []string{"cart", "search", "users"}
	neighbours(t, w, sampleapp.Behaviour{ErrorRatio: 0.2}, names...)
	prometheus, err := promclient.New(w.stack.Prometheus, &http.Client{})
	require.NoError(t, err)
	namespace := namespaceOf(t)

	counter := func(app, code string, at time.Time) uint64 {
		query := fmt.Sprintf(`sum(last_over_time(http_requests_total{namespace=%q,app=%q,code=~%q}[1m]))`, namespace, app, code) // also after a scrape that failed
		value, _, _, err := prometheus.Query(t.Context(), query, at)
		require.NoError(t, err)
		if vector, ok := value.(model.Vector); ok && len(vector) == 1 {
			return uint64(vector[0].Value)
		}
		return 0
	}
	var from time.Time
	eventually(t, 30*time.Second, func() (bool, string) {
		from = time.Now().Truncate(time.Second).Add(-8 * time.Second)
		for _, name := range names {
			if counter(name, "5..", from) == 0 {
				return false, "nothing of " + name + " was counted eight seconds ago"
			}
		}
		return true, ""
	})
	middle, to := from.Add(3*time.Second), from.Add(6*time.Second)
	// Samples of a target are stored in their order: nothing of the time until then comes once there is a newer one of each.
	s := &service{t: t, w: w, App: sampleapp.App{Namespace: namespace}}
	s.awaitSeries(fmt.Sprintf(`count(timestamp(http_requests_total{namespace=%q,code="500"}) > %d) == %d`, namespace, to.Unix(), len(names)))
	sig := analyzer.Signal{
		Name: "errors", Kind: analyzer.KindErrorRate, Scrape: scrape,
		Requests: "http_requests_total", Errors: `http_requests_total{code=~"5.."}`,
		Labels: analyzer.Labels{Namespace: "namespace", Pod: "pod"},
	}
	around, err := analyzer.NewSampler(prometheus, 5*time.Second).Around(t.Context(), sig, nil, analyzer.Suspicion{
		Namespace: namespace, Workload: "checkout", Peers: true,
		Before: analyzer.Span{From: from, At: middle}, During: analyzer.Span{From: middle, At: to},
	})
	require.NoError(t, err)
	require.Len(t, around.Peers, len(names))
	for _, p := range around.Peers {
		grew := func(since, until time.Time) analyzer.Counts {
			return analyzer.Counts{
				N: counter(p.Workload, ".*", until) - counter(p.Workload, ".*", since),
				K: counter(p.Workload, "5..", until) - counter(p.Workload, "5..", since),
			}
		}
		require.Equal(t, grew(from, middle), p.Before, p.Workload)
		require.Equal(t, grew(middle, to), p.During, p.Workload)
	}
}
