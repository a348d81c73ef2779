package policytest

import (
	"context"
	"testing"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
)

// ask serves the series, 15 s from value to value, and returns a client and the moment of the value of that number.
func ask(t *testing.T, in ...inputSeries) (v1.API, func(n int) time.Time) {
	t.Helper()
	r := reader{interval: 15 * time.Second}
	var all store
	for _, one := range in {
		s, _, err := r.series(one)
		require.NoError(t, err)
		all = append(all, s)
	}
	engine := newEngine()
	t.Cleanup(func() { require.NoError(t, engine.Close()) })
	client, err := server{engine: engine, series: all}.client()
	require.NoError(t, err)
	return client, func(n int) time.Time { return start.Add(time.Duration(n) * r.interval) }
}

func instant(t *testing.T, client v1.API, query string, at time.Time) string {
	t.Helper()
	value, warnings, _, err := client.Query(context.Background(), query, at)
	require.NoError(t, err)
	require.Empty(t, warnings)
	return value.String()
}

func TestRawSamplesComeWithTheirTimesAndWithoutGapsOrStaleMarkers(t *testing.T) {
	client, at := ask(t, inputSeries{`x{pod="a"}`, "1 _ 3 stale 5"}, inputSeries{`x{pod="b"}`, "7x4"})
	value, _, _, err := client.Query(t.Context(), `x{pod="a"}[10m]`, at(4))
	require.NoError(t, err)
	matrix, ok := value.(model.Matrix)
	require.True(t, ok, "%T", value)
	require.Len(t, matrix, 1)
	require.Equal(t, model.Metric{"__name__": "x", "pod": "a"}, matrix[0].Metric)
	require.Equal(t, []model.SamplePair{
		{Timestamp: model.TimeFromUnixNano(at(0).UnixNano()), Value: 1}, {Timestamp: model.TimeFromUnixNano(at(2).UnixNano()), Value: 3},
		{Timestamp: model.TimeFromUnixNano(at(4).UnixNano()), Value: 5},
	}, matrix[0].Values)
	require.Empty(t, instant(t, client, `x{pod="c"}[10m]`, at(4)))
}

func TestASampleIsSeenUntilTheLookbackOrAStaleMarker(t *testing.T) {
	client, at := ask(t, inputSeries{`lasting`, "1 2"}, inputSeries{`stopped`, "1 2 stale"})
	require.Contains(t, instant(t, client, "lasting", at(20)), "=> 2 @")
	require.Empty(t, instant(t, client, "lasting", at(22)), "more than five minutes after the last sample")
	require.Contains(t, instant(t, client, "stopped", at(1)), "=> 2 @")
	require.Empty(t, instant(t, client, "stopped", at(2)))
}

func TestARangeTakesItsStepAndLookbackFromTheQuestion(t *testing.T) {
	client, at := ask(t, inputSeries{`x`, "1 2 _x10"})
	r := v1.Range{Start: at(0), End: at(8), Step: 30 * time.Second}
	points := func(opts ...v1.Option) []model.SamplePair {
		value, _, _, err := client.QueryRange(t.Context(), "sum(x)", r, opts...)
		require.NoError(t, err)
		matrix, ok := value.(model.Matrix)
		require.True(t, ok, "%T", value)
		require.Len(t, matrix, 1)
		return matrix[0].Values
	}
	require.Len(t, points(), 5)
	require.Len(t, points(v1.WithLookbackDelta(30*time.Second)), 2)
}

func TestWhatPrometheusRefusesIsRefused(t *testing.T) {
	client, at := ask(t, inputSeries{`x{pod="a"}`, "1x4"}, inputSeries{`y{pod="a",n="1"}`, "1x4"}, inputSeries{`y{pod="a",n="2"}`, "1x4"})
	for query, want := range map[string]string{
		"sum(":             "parse error",
		"x * on(pod) y":    "many-to-many",
		`x{pod=~"("}`:      "missing closing",
		"x[5m] + x":        "must contain only scalar",
		"no_such_thing(x)": "unknown function",
	} {
		_, _, _, err := client.Query(t.Context(), query, at(4))
		require.ErrorContains(t, err, want, query)
	}
	_, _, _, err := client.LabelNames(t.Context(), nil, at(0), at(1))
	require.ErrorContains(t, err, "does not answer labels")
}
