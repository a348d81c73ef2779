package policytest

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/test/history/block"
	"github.com/rollbackd/rollbackd/test/history/serve"
)

// TestAnswersAreThoseOfARealPrometheus: the same series in a real one's database give the same answers, through the same client.
func TestAnswersAreThoseOfARealPrometheus(t *testing.T) {
	if testing.Short() {
		t.Skip("needs the stack's Prometheus; run without -short")
	}
	in := []inputSeries{
		{`x_total{pod="a",code="200"}`, "0+10x60 5+10x40 stale _x20 1+1x100"},
		{`x_total{pod="a",code="500"}`, "_x30 0+1x100"},
		{`x_total{pod="b",code="200"}`, "0+7.25x200 NaN +Inf -Inf 3x10"},
		{`le_bucket{pod="a",le="0.5"}`, "0+3x200"}, {`le_bucket{pod="a",le="1"}`, "0+4x200"}, {`le_bucket{pod="a",le="+Inf"}`, "0+5x200"},
	}
	made, at := ask(t, in...)
	server := stored(t, in)
	for _, query := range []string{
		`x_total[10m]`, `x_total{code=~"5.."}[4h]`, `le_bucket{pod="a"}[10m]`, `absent_total[10m]`, `x_total`, `x_total[10m] @ 946688400`,
		`sum by (pod) (increase(x_total[5m]))`, `histogram_quantile(0.95, sum by (le) (rate(le_bucket[5m])))`, `scalar(sum(x_total))`,
		`sum(x_total) / count(x_total)`, `max_over_time(sum(rate(x_total[1m]))[10m:30s])`, `x_total offset 5m`,
	} {
		for _, n := range []int{0, 60, 102, 121, 125, 203, 230} {
			want, _, _, err := server.Query(t.Context(), query, at(n))
			require.NoError(t, err, query)
			got, _, _, err := made.Query(t.Context(), query, at(n))
			require.NoError(t, err, query)
			require.Equal(t, want.String(), got.String(), "%s at value %d", query, n)
		}
	}
	for _, opts := range [][]v1.Option{nil, {v1.WithLookbackDelta(20 * time.Second)}} {
		r := v1.Range{Start: at(0), End: at(220), Step: 45 * time.Second}
		want, _, _, err := server.QueryRange(t.Context(), "sum by (code) (x_total)", r, opts...)
		require.NoError(t, err)
		got, _, _, err := made.QueryRange(t.Context(), "sum by (code) (x_total)", r, opts...)
		require.NoError(t, err)
		require.Equal(t, want.String(), got.String())
	}
}

// stored has a real Prometheus serve the series and returns a client of it.
func stored(t *testing.T, in []inputSeries) v1.API {
	t.Helper()
	dir := t.TempDir()
	b := block.New(start, start.Add(block.Duration))
	for _, one := range in {
		s, _, err := reader{interval: 15 * time.Second}.series(one)
		require.NoError(t, err)
		add := b.Open(s.labels)
		for _, sample := range s.samples {
			add(sample.T(), sample.F())
		}
	}
	_, err := b.Write(t.Context(), dir)
	require.NoError(t, err)
	server, err := serve.Start(t.Context(), dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	c, err := api.NewClient(api.Config{Address: server.URL})
	require.NoError(t, err)
	return v1.NewAPI(c)
}
