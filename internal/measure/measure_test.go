package measure

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

// Whoever scrapes native histograms gets one, and whoever does not gets the buckets.
func TestDurationsAreClassicAndNative(t *testing.T) {
	registry := prometheus.NewRegistry()
	h := prometheus.NewHistogram(Seconds("call_duration_seconds", "How long a call took.", Calls()...))
	registry.MustRegister(h)
	h.Observe(0.2)
	families, err := registry.Gather()
	require.NoError(t, err)
	got := families[0].GetMetric()[0].GetHistogram()
	require.Len(t, got.GetBucket(), len(Calls()))
	require.NotNil(t, got.Schema)
	require.Len(t, got.GetPositiveSpan(), 1)
}
