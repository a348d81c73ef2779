package watch

import (
	"fmt"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/incident"
)

// This file has what a watch keeps in memory, with two signals and three pods: an error rate, and a latency of twelve buckets over a
// window of five minutes. It is counted, not timed.

// keptPolicy is what a daemon has by its defaults: ticks of 15 s, of which a window has twenty.
func keptPolicy() Policy {
	p := testPolicy()
	p.Stages = []Stage{{Name: "active", Until: time.Hour, Interval: 15 * time.Second, Mode: Automatic}}
	rule := analyzer.Sustained{Relative: 0.1, Absolute: 0.001, Window: 5 * time.Minute, For: 5 * time.Minute, MinRequests: 100}
	labels := analyzer.Labels{Namespace: "namespace", Pod: "pod"}
	p.Signals = []analyzer.Signal{
		{Name: "error-rate", Kind: analyzer.KindErrorRate, Requests: "http_requests_total", Errors: `http_requests_total{code=~"5.."}`, Labels: labels, Scrape: 15 * time.Second, Rule: rule},
		{Name: "latency", Kind: analyzer.KindLatency, Histogram: "http_request_duration_seconds_bucket", Labels: labels, Scrape: 15 * time.Second, Rule: rule,
			Objective: analyzer.Objective{Quantile: 0.95, SLO: 500 * time.Millisecond, Tolerance: 0.2, Unit: time.Second}},
	}
	return p
}

// keptTick is what is measured anew in each tick: no two ticks share anything.
func keptTick(n int, at time.Time) analyzer.Tick {
	pods := func() map[string]analyzer.Counts {
		out := map[string]analyzer.Counts{}
		for pod := range 3 {
			out[fmt.Sprintf("checkout-service-%04d-7d9f8c6b5-x2x4%d", n, pod)] = analyzer.Counts{N: 400, K: uint64(pod % 2)}
		}
		return out
	}
	buckets := analyzer.Buckets{"+Inf": 1200}
	for i := range 12 {
		buckets[fmt.Sprint(0.005*float64(int(1)<<i))] = uint64(10 * i)
	}
	return analyzer.Tick{From: at.Add(-15 * time.Second), At: at, Signals: map[string]analyzer.Measurement{
		"error-rate": {Samples: 12, Pods: pods()}, "latency": {Samples: 156, Pods: pods(), Buckets: buckets},
	}}
}

// keptWatch is a watch that has been ticking for so many ticks.
func keptWatch(t testing.TB, policy Policy, n, ticks int) Watch {
	w := newTestWatch()
	w.Key, w.Policy = fmt.Sprintf("production.shop.%d", n), policy
	w = w.accepted()
	feed := func(in input, now time.Time) { w, _, _ = Next(w, in, "rollbackd/test", now) }
	feed(observed{snapshot: clusterShows("v2")}, start.Add(time.Second))
	feed(baselined{baselines: []analyzer.Baseline{{Signal: "error-rate", Counts: analyzer.Counts{N: 1000, K: 2}}, {Signal: "latency", Counts: analyzer.Counts{N: 1000, K: 2}}}}, start.Add(2*time.Second))
	for i := range ticks {
		at := start.Add(time.Duration(i+1) * 15 * time.Second)
		feed(measured{phase: incident.PhaseWatch, ticks: []analyzer.Tick{keptTick(n, at)}}, at.Add(time.Second))
	}
	require.Equal(t, Watching, w.State, w.Reason)
	return w
}

// keptBytes is what each of so many watches keeps.
func keptBytes(t testing.TB, watches, ticks int) float64 {
	policy, all := keptPolicy(), make([]Watch, watches)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for n := range all {
		all[n] = keptWatch(t, policy, n, ticks)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(all)
	return float64(unsafe.Sizeof(Watch{})) + float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/float64(watches)
}

// A watch keeps its state and the newest window, in few bytes, and not its ticks: after four windows it has no more than after one.
func TestAWatchKeepsNoMoreThanItsWindow(t *testing.T) {
	one, four := keptBytes(t, 100, 21), keptBytes(t, 100, 84)
	t.Logf("%.0f bytes after a window, %.0f after four", one, four)
	require.Less(t, one, 20_000.0)
	require.InDelta(t, one, four, 3_000)
}

// The bytes that a watch keeps, after no tick and after a window of them.
func BenchmarkKept(b *testing.B) {
	for _, ticks := range []int{0, 1, 21} {
		b.Run(fmt.Sprintf("ticks=%d", ticks), func(b *testing.B) {
			for b.Loop() {
				b.ReportMetric(keptBytes(b, 200, ticks), "B/watch")
			}
			b.ReportMetric(float64(unsafe.Sizeof(Watch{})), "B/struct")
		})
	}
}
