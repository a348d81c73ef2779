package analyzer

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// bucketSeries is one bucket of one pod, scraped every second from second 0 on.
func bucketSeries(pod string, le float64, values ...float64) Series {
	s := Series{Pod: pod, Le: le}
	for i, v := range values {
		s.Samples = append(s.Samples, Sample{T: int64(i) * 1000, V: v})
	}
	return s
}

func histogramWindow() Window {
	return Window{Span: Span{From: time.UnixMilli(0), At: time.UnixMilli(1000)}, Scrape: time.Second}
}

// TestMeasureHistogram counts as slow only what is certain to have taken longer than the limit.
func TestMeasureHistogram(t *testing.T) {
	inf := math.Inf(1)
	pod := []Series{
		bucketSeries("a", 0.1, 0, 50), bucketSeries("a", 0.5, 0, 70), bucketSeries("a", 0.6, 0, 80),
		bucketSeries("a", 1, 0, 90), bucketSeries("a", inf, 0, 100),
	}
	for _, c := range []struct {
		name   string
		series []Series
		limit  float64
		want   Counts
		err    string
	}{
		{name: "a limit on a bound is exact", series: pod, limit: 0.6, want: Counts{N: 100, K: 20}},
		{name: "between two bounds the upper one counts, so nothing is slow that may not be", series: pod, limit: 0.7, want: Counts{N: 100, K: 10}},
		{name: "below the lowest bound", series: pod, limit: 0.05, want: Counts{N: 100, K: 50}},
		{name: "above the highest finite bound nothing can be told", series: pod, limit: 1.1,
			err: `pod "a": the highest finite bucket of its histogram is 1, below the limit of 1.1; add a bucket at or above it`},
		{name: "without +Inf there is no total", series: pod[:4], limit: 0.6,
			err: `pod "a": its histogram has no bucket le="+Inf", so requests cannot be counted`},
		{name: "only +Inf", series: pod[4:], limit: 0.6,
			err: `pod "a": the highest finite bucket of its histogram is none, below the limit of 0.6; add a bucket at or above it`},
		{name: "buckets that disagree never make a negative count",
			series: []Series{bucketSeries("a", 1, 0, 120), bucketSeries("a", inf, 0, 100)}, limit: 1, want: Counts{N: 100}},
		{name: "several series of a pod add up",
			series: append(append([]Series{}, pod...), pod...), limit: 0.6, want: Counts{N: 200, K: 40}},
		{name: "NaN is no count", series: []Series{bucketSeries("a", inf, 0, math.NaN())}, limit: 1,
			err: `pod "a" reports the counter value NaN, which is no count`},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := MeasureHistogram(c.series, histogramWindow(), c.limit)
			require.Equal(t, c.err, m.Error)
			require.Equal(t, c.want, m.Total())
		})
	}
}

// TestHistogramsOfOnePodHaveBucketsOfTheirOwn: two routes with different bounds. Every request took less than 0.5 s, and
// taken together as one histogram half of them would seem to be over 0.6 s.
func TestHistogramsOfOnePodHaveBucketsOfTheirOwn(t *testing.T) {
	bucket := func(route string, le float64) Series {
		s := bucketSeries("a", le, 0, 100)
		s.Histogram = route
		return s
	}
	inf := math.Inf(1)
	m := MeasureHistogram([]Series{
		bucket("/cart", 0.5), bucket("/cart", 0.6), bucket("/cart", inf),
		bucket("/pay", 0.5), bucket("/pay", 1), bucket("/pay", inf),
	}, histogramWindow(), 0.6)
	require.Empty(t, m.Error)
	require.Equal(t, Counts{N: 200}, m.Total())
}

// TestQuantile follows histogram_quantile: linear in the bucket, the highest finite bound beyond.
// An exporter whose buckets are not cumulative proves nothing slow that another bucket proves fast.
func TestBucketsThatDisagreeProveNothingSlow(t *testing.T) {
	counts, err := slowerThan(map[float64]uint64{0.5: 100, 1: 10, math.Inf(1): 100}, 1)
	require.NoError(t, err)
	require.Equal(t, Counts{N: 100}, counts)
}

func TestQuantile(t *testing.T) {
	b := Buckets{"0.1": 50, "0.5": 90, "1": 100, "+Inf": 100}
	for _, c := range []struct {
		b    Buckets
		q    float64
		want float64
		ok   bool
	}{
		{b, 0.25, 0.05, true},
		{b, 0.5, 0.1, true},
		{b, 0.7, 0.3, true},
		{b, 0.95, 0.75, true},
		{Buckets{"0.1": 50, "+Inf": 100}, 0.95, 0.1, true},
		{Buckets{"0.1": 50, "0.2": 40, "+Inf": 100}, 0.45, 0.09, true},
		{Buckets{"0.1": 0, "+Inf": 0}, 0.95, 0, false},
		{Buckets{"0.1": 5}, 0.95, 0, false},
		{nil, 0.95, 0, false},
	} {
		got, ok := c.b.Quantile(c.q)
		require.Equal(t, c.ok, ok, "%v", c)
		require.InDelta(t, c.want, got, 1e-9, "%v", c)
	}
}

func latencySignal() Signal {
	return Signal{
		Name: "latency", Kind: KindLatency, Histogram: "http_request_duration_seconds_bucket",
		Labels: Labels{Namespace: "namespace", Pod: "pod"}, Scrape: 5 * time.Second,
		Objective: Objective{Quantile: 0.95, SLO: 500 * time.Millisecond, Tolerance: 0.2, Unit: time.Second},
		Rule:      Sustained{Window: 10 * time.Second, For: 10 * time.Second, MinRequests: 100},
	}
}

// latencyTick holds n requests, of which slow took between 0.6 and 1 s and the rest less than 0.1 s.
func latencyTick(i int, n, slow uint64) Tick {
	from := time.Unix(int64(5*i), 0)
	return Tick{From: from, At: from.Add(5 * time.Second), Signals: map[string]Measurement{"latency": {
		Pods: map[string]Counts{"a": {N: n, K: slow}}, Samples: 1,
		Buckets: Buckets{"0.1": n - slow, "0.6": n - slow, "1": n, "+Inf": n},
	}}}
}

// TestLatencyIsJudgedByTheFractionOverTheLimit: the P95 is over its limit exactly when more than 5 % of requests are,
// and that needs no baseline.
func TestLatencyIsJudgedByTheFractionOverTheLimit(t *testing.T) {
	sig := []Signal{latencySignal()}
	sig[0].Strict = true
	var st State
	var j Judgement
	for i := range 4 {
		st, j = Step(Rules{Signals: sig}, nil, st, latencyTick(i, 100, 5))
		require.Equal(t, Healthy, j.Verdict, "exactly 5 %% is not over it: %s", j.Reason)
	}
	require.InDelta(t, 0.1, j.Signals[0].QuantileValue, 1e-9)

	verdicts := []Verdict{}
	for i := 4; i < 9; i++ {
		st, j = Step(Rules{Signals: sig}, nil, st, latencyTick(i, 100, 40))
		verdicts = append(verdicts, j.Verdict)
	}
	require.Equal(t, []Verdict{Insufficient, Insufficient, Insufficient, Regressed, Regressed}, verdicts)
	a := j.Signals[0]
	require.Equal(t, Counts{N: 200, K: 80}, a.Counts)
	require.InDelta(t, 0.05, a.Limit, 1e-9)
	require.InDelta(t, 0.6, a.LimitLatency, 1e-9)
	require.InDelta(t, 0.95, a.QuantileValue, 1e-9)
	require.Equal(t, "latency: P95 was 950ms (40.00 % of requests took longer than 600ms) for 20s; the limit is 600ms (the SLO of 500ms plus 20 %)", j.Reason)
}

// TestLatencyQueries: what is asked, and what a person is shown.
func TestLatencyQueries(t *testing.T) {
	plan, err := planQueries(latencySignal(), []Subject{{Namespace: "shop", Release: Members{PodPrefix: "checkout-abc-"}}}, 20*time.Second)
	require.NoError(t, err)
	require.Len(t, plan, 1)
	pods := `namespace=~"shop",pod=~"checkout-abc-[bcdfghjklmnpqrstvwxz2456789]{5}"`
	require.Equal(t, "http_request_duration_seconds_bucket{"+pods+"}[20s]", plan[0].text)

	shown, err := Query(latencySignal(), Subject{Namespace: "shop", Release: Members{PodPrefix: "checkout-abc-"}}, Span{time.Unix(0, 0), time.Unix(60, 0)})
	require.NoError(t, err)
	require.Equal(t, "histogram_quantile(0.95, sum by (le) (increase(http_request_duration_seconds_bucket{"+pods+"}[1m] @ 60.000)))", shown)
}
