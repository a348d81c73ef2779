package config

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/promtest"
)

// byPreset is a configuration with an error rate and a latency by the preset. The limit of latency is 500 ms.
func byPreset(name string) string {
	return string(edited("    requests: http_requests_total\n    errors: http_requests_total{code=~\"5..\"}\n",
		"    preset: "+name+"\n  - {name: latency, kind: latency, preset: "+name+", slo: 500ms, tolerance: 0}\n"))
}

// counted is what is measured of one preset's series: of the release, and of the old version beside it where the series tell
// the two apart.
type counted struct{ errors, oldErrors, slow, oldSlow analyzer.Counts }

// Where nothing tells versions apart, all of the workload's requests are the release's.
func want(preset string) counted {
	switch preset {
	case "ingress-nginx", "traefik", "contour", "envoy-gateway":
		return counted{errors: analyzer.Counts{N: 300, K: 9}, slow: analyzer.Counts{N: 300, K: 13}}
	case "http":
		return counted{analyzer.Counts{N: 100, K: 4}, analyzer.Counts{N: 200, K: 10}, analyzer.Counts{N: 94, K: 8}, analyzer.Counts{N: 200, K: 5}}
	case "istio", "istio-grpc":
		return counted{analyzer.Counts{N: 100, K: 7}, analyzer.Counts{N: 200, K: 2}, analyzer.Counts{N: 100, K: 18}, analyzer.Counts{N: 200, K: 1}}
	}
	return counted{analyzer.Counts{N: 100, K: 7}, analyzer.Counts{N: 200, K: 2}, analyzer.Counts{N: 100, K: 12}, analyzer.Counts{N: 200, K: 1}}
}

// Every preset counts what its instrumentation exposes, for the right workload and version and for no other. The series are
// scraped by a real Prometheus, since half of what may go wrong is in the labels that it adds and renames.
func TestPresetsCountWhatIsExposed(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a Prometheus")
	}
	presets, err := Presets()
	require.NoError(t, err)
	var targets []promtest.Target
	for _, p := range presets {
		text, err := os.ReadFile(filepath.Join("testdata", "presets", p.Name+".txt"))
		require.NoError(t, err, "every preset needs series to be tested with")
		targets = append(targets, promtest.ParseTargets(t, p.Name, string(text))...)
	}
	exposed := promtest.Expose(t, targets)
	prometheus := promtest.Start(t, exposed.Configuration(time.Second))
	from, to := exposed.Count(t, prometheus)
	sampler := analyzer.NewSampler(prometheus.API, time.Minute)
	for _, p := range presets {
		t.Run(p.Name, func(t *testing.T) {
			c, err := Parse([]byte(byPreset(p.Name)))
			require.NoError(t, err)
			sub := analyzer.Subject{
				Key: "it", Namespace: p.Name, Workload: "checkout", Spans: []analyzer.Span{{From: from, At: to}},
				Release: analyzer.Members{PodPrefix: "checkout-7d9f8c6b5-", Versions: []string{"v2", "2"}, Undivided: true},
				Control: analyzer.Members{PodPrefix: "checkout-5f5f5f5f5-", NotVersions: []string{"v2", "2"}},
			}
			var got []analyzer.Measurement
			for _, sig := range c.WatchPolicies()[0].Signals {
				all, err := sampler.Sample(t.Context(), sig, []analyzer.Subject{sub})
				require.NoError(t, err)
				require.Empty(t, all["it"][0].Error)
				require.Empty(t, all["it"][0].Warnings)
				got = append(got, all["it"][0])
			}
			require.Equal(t, want(p.Name), counted{got[0].Total(), got[0].Control, got[1].Total(), got[1].Control})
			if p.Dependencies != nil {
				requireCallees(t, sampler, p.Name, from, to)
			}
		})
	}
}

// requireCallees looks for the calls that the workload makes by itself: of each fixture 3000 to payments, all of which fail.
func requireCallees(t *testing.T, sampler *analyzer.Sampler, preset string, from, to time.Time) {
	t.Helper()
	c, err := Parse([]byte(strings.Replace(byPreset(preset), "- name: http", "- name: http\n  guards: {peers: false, dependencies: {preset: "+preset+"}}", 1)))
	require.NoError(t, err)
	policy := c.WatchPolicies()[0]
	around, err := sampler.Around(t.Context(), policy.Signals[0], policy.Dependencies, analyzer.Suspicion{
		Namespace: preset, Workload: "checkout",
		Before: analyzer.Span{From: from.Add(-time.Minute), At: from}, During: analyzer.Span{From: from, At: to},
	})
	require.NoError(t, err)
	require.Len(t, around.Callees, 1)
	require.Equal(t, "payments", around.Callees[0].Workload)
	require.Equal(t, analyzer.Counts{N: 3000, K: 3000}, around.Callees[0].Own.During)
}

// With the defaults of a latency signal the limit can be judged by the buckets that each instrumentation has by itself.
func TestPresetsHaveABoundForTheUsualLimit(t *testing.T) {
	presets, err := Presets()
	require.NoError(t, err)
	for _, p := range presets {
		require.True(t, slices.IsSorted(p.Latency.Bounds), p.Name)
		require.NotEmpty(t, cmp.Or(p.About, p.Needs, p.Source), p.Name)
		below, at, ok := p.Latency.Bound(600 * time.Millisecond)
		require.True(t, ok, p.Name)
		require.Less(t, below, 600*time.Millisecond, p.Name)
		require.LessOrEqual(t, at, 1200*time.Millisecond, p.Name)
		_, _, ok = p.Latency.Bound(2 * time.Hour)
		require.False(t, ok, p.Name)
	}
}

// Whatever a signal says itself comes before its preset, zero values included, and no default comes between.
func TestSignalsOverrideTheirPreset(t *testing.T) {
	c, err := Parse([]byte(strings.NewReplacer(
		"    preset: traefik\n", "    preset: traefik\n    errors: traefik_service_requests_total{code=\"500\"}\n    labels: {workload: service, pod: pod}\n",
		"slo: 500ms", "unit: 1s, histogram: h_bucket, labels: {workload: '', workloadValue: '', namespace: namespace, pod: pod}, slo: 500ms",
	).Replace(byPreset("traefik"))))
	require.NoError(t, err)
	signals := c.WatchPolicies()[0].Signals
	require.Equal(t, "traefik_service_requests_total", signals[0].Requests)
	require.Equal(t, `traefik_service_requests_total{code="500"}`, signals[0].Errors)
	require.Equal(t, analyzer.Labels{Workload: "service", WorkloadValue: "{namespace}-{workload}-*@kubernetes", Pod: "pod"}, signals[0].Labels)
	require.Equal(t, "h_bucket", signals[1].Histogram)
	require.Equal(t, time.Second, signals[1].Objective.Unit)
	require.Equal(t, analyzer.Labels{Namespace: "namespace", Pod: "pod"}, signals[1].Labels)

	c, err = Parse([]byte(byPreset("istio")))
	require.NoError(t, err)
	require.Equal(t, time.Millisecond, c.WatchPolicies()[0].Signals[1].Objective.Unit)
	require.Equal(t, "destination_workload", c.WatchPolicies()[0].Signals[1].Labels.Workload)
}

// A preset without anything for a kind of signal says for which kinds it is.
func TestAPresetThatLacksTheKind(t *testing.T) {
	all, err := readPresets([]byte("counts: {error-rate: {requests: a, errors: b}}\ntimes: {latency: {histogram: c, unit: 1s}}"))
	require.NoError(t, err)
	require.Equal(t, `"counts" has nothing for a signal of kind "latency"; use it for kind error-rate, or remove preset and name the series`,
		Signal{Preset: "counts", Kind: analyzer.KindLatency}.unfit(all))
	require.Equal(t, `"times" has nothing for a signal of kind "error-rate"; use it for kind latency, or remove preset and name the series`,
		Signal{Preset: "times", Kind: analyzer.KindErrorRate}.unfit(all))
	require.Empty(t, Signal{Preset: "times", Kind: analyzer.KindLatency}.unfit(all))
	_, err = readPresets([]byte("a: {histogram: b}"))
	require.Error(t, err)
}
