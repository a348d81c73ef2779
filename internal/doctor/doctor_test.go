package doctor

import (
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/promclient"
	"github.com/rollbackd/rollbackd/internal/watch"
)

func now() time.Time { return time.Unix(1_700_000_000, 0) }

// samples is a series with samples so far apart, the newest one of some age.
func samples(labels model.Metric, spacing, age time.Duration, n int) *model.SampleStream {
	s := &model.SampleStream{Metric: labels}
	for i := range n {
		at := now().Add(-age - time.Duration(n-1-i)*spacing)
		s.Values = append(s.Values, model.SamplePair{Timestamp: model.TimeFromUnixNano(at.UnixNano()), Value: model.SampleValue(i)})
	}
	return s
}

func always(model.Metric) bool { return true }

func TestScrapesAreComparedWithTheConfiguration(t *testing.T) {
	sig := analyzer.Signal{Scrape: 15 * time.Second}
	for name, c := range map[string]struct {
		spacing, age time.Duration
		n            int
		want         []Finding
	}{
		"as configured": {15 * time.Second, 5 * time.Second, 20, []Finding{{OK, "samples come every 15s, as configured", ""}}},
		"late": {60 * time.Second, 5 * time.Second, 5, []Finding{
			{Problem, "samples come every 1m, but every 15s is configured, so that ticks hold nothing", "set scrapeInterval: 1m"}}},
		"early": {5 * time.Second, 0, 5, []Finding{
			{Warning, "samples come every 5s, more often than every 15s as configured", "set scrapeInterval: 5s, to find bad releases sooner"}}},
		"once": {0, 5 * time.Second, 1, []Finding{
			{Problem, "no series has two samples, so nothing can be counted", "wait for a second scrape; if none comes, the target is gone"}}},
		"stale": {15 * time.Second, 4 * time.Minute, 5, []Finding{{OK, "samples come every 15s, as configured", ""},
			{Problem, "the newest sample is 4m old, so what happens now is not seen", "look at the targets of Prometheus: the workload may be scaled to zero, or its scrapes fail"}}},
		"from the future": {15 * time.Second, -time.Minute, 5, []Finding{{OK, "samples come every 15s, as configured", ""},
			{Problem, "the newest sample is 1m ahead of this machine's clock", "set the clocks by NTP"}}},
	} {
		s := see(sig, model.Matrix{samples(model.Metric{}, c.spacing, c.age, c.n)}, always)
		require.Equal(t, c.want, scrapes(sig, s, now()), name)
	}
}

func TestSeriesAreReadByTheirLabels(t *testing.T) {
	sig := analyzer.Signal{Labels: analyzer.Labels{Pod: "pod", Version: "v"}}
	matrix := model.Matrix{
		samples(model.Metric{"__name__": "a", "pod": "p2", "v": "v2", "le": "0.5"}, time.Second, 0, 2),
		samples(model.Metric{"__name__": "a", "pod": "p1", "v": "v1", "le": "0.25"}, time.Second, 0, 2),
		samples(model.Metric{"__name__": "a", "pod": "p1", "v": "v1", "le": "+Inf"}, time.Second, 0, 2),
		samples(model.Metric{"__name__": "a", "pod": "other"}, time.Second, 0, 2),
		{Metric: model.Metric{"pod": "gone"}},
	}
	s := see(sig, matrix, func(m model.Metric) bool { return m["pod"] != "other" })
	require.Equal(t, 3, s.series)
	require.Equal(t, [][]string{{"p1", "p2"}, {"v1", "v2"}, {"le", "pod", "v"}}, [][]string{s.pods, s.versions, s.labels})
	require.Equal(t, []float64{0.25, 0.5}, s.bounds)
	require.Equal(t, map[string]bool{"p2": true}, s.members(sig.Labels, []string{"v2"}).Pods)
	require.Equal(t, map[string]bool{"p1": true, "p2": true}, s.members(sig.Labels, nil).Pods)
	require.Equal(t, analyzer.Members{Versions: []string{"v1", "v2"}, Undivided: true}, s.members(analyzer.Labels{Version: "v"}, nil))
	require.Equal(t, []string{""}, seen{}.members(analyzer.Labels{Version: "v"}, nil).Versions)
}

func TestWhyNothingIsFound(t *testing.T) {
	of := func(pairs ...string) model.LabelSet {
		s := model.LabelSet{"__name__": "requests_total"}
		for i := 0; i < len(pairs); i += 2 {
			s[model.LabelName(pairs[i])] = model.LabelValue(pairs[i+1])
		}
		return s
	}
	const pod = "checkout-7d9f8c6b5-x2x4z"
	for name, c := range map[string]struct {
		labels   analyzer.Labels
		selected []model.LabelSet
		text     string
		fix      string
	}{
		"another namespace": {analyzer.Labels{Namespace: "ns", Pod: "pod"}, []model.LabelSet{of("ns", "other", "pod", pod), of("ns", "more", "pod", pod)},
			`the label "ns", which carries the namespace, is never shop, but "more", "other"`,
			"see that the workload serves and is scraped; if another label carries the namespace, set labels.namespace"},
		"another workload": {analyzer.Labels{Namespace: "ns", Workload: "app"}, []model.LabelSet{of("ns", "shop", "app", "cart"), of("ns", "other", "app", "checkout")},
			`the label "app", which carries the workload, is never checkout, but "cart"`,
			"see that the workload serves and is scraped; if another label carries the workload, set labels.workload, or labels.workloadValue"},
		"another label": {analyzer.Labels{Workload: "app"}, []model.LabelSet{of("deployment", "checkout", "service", "checkout")},
			`no series has the label "app", which should carry the workload; they have "deployment", "service"`,
			"set labels.workload to deployment or service, which has it"},
		"a form": {analyzer.Labels{Workload: "service", WorkloadValue: "{namespace}-{workload}-*@kubernetes"}, []model.LabelSet{of("service", "traefik", "exported_service", "shop-checkout-80@kubernetes")},
			`the label "service", which carries the workload, is never checkout, but "traefik"`,
			"set labels.workload: exported_service, or scrape with honor_labels: true; Prometheus renames a label of the series that the target has too"},
		"no pods": {analyzer.Labels{Namespace: "ns", Pod: "pod"}, []model.LabelSet{of("ns", "shop", "code", "200")},
			`no series has the label "pod", which should carry the pod; they have "code", "ns"`,
			"have the scrape add the label, as a PodMonitor does for namespace and pod, or set labels.pod to the label that carries the pod"},
		"another's pods": {analyzer.Labels{Namespace: "ns", Pod: "pod"}, []model.LabelSet{of("ns", "shop", "pod", "checkout-api-7d9f8c6b5-x2x4z")},
			`the label "pod", which carries the pod, is never a pod of checkout, but "checkout-api-7d9f8c6b5-x2x4z"`,
			"see that the workload serves and is scraped; if another label carries the pod, set labels.pod"},
		"gone": {analyzer.Labels{Namespace: "ns", Pod: "pod"}, []model.LabelSet{of("ns", "shop", "pod", pod)},
			"there are series of the workload, but none has a sample in the time that was looked at",
			"look at the targets of Prometheus: the workload may be scaled to zero, or its scrapes fail"},
	} {
		got := absence{selected: c.selected}.why("requests", c.labels, "shop", "checkout")
		require.Equal(t, Finding{Problem, c.text, c.fix}, got, name)
	}
}

func TestClocks(t *testing.T) {
	const fix = "set both clocks by NTP"
	for ahead, want := range map[time.Duration]Finding{
		200 * time.Millisecond: {Level: OK, Text: "the clocks of Prometheus and of this machine differ by less than 700ms"},
		-3 * time.Second:       {Warning, "the clocks of Prometheus and of this machine differ by 2s500ms at least", fix},
		-10 * time.Second:      {Problem, "the clock of Prometheus is about 10s behind this machine's; ticks would be measured before their samples are there, or without some", fix},
		30 * time.Second:       {Problem, "the clock of Prometheus is about 30s ahead of this machine's; nothing is judged by metrics while they are more than a scrape apart", fix},
	} {
		require.Equal(t, want, ClockFinding(promclient.Skew{Ahead: ahead, Doubt: 500 * time.Millisecond}, 15*time.Second))
	}
}

func TestEvidenceIsToldInTime(t *testing.T) {
	active := watch.Stage{Until: 15 * time.Minute}
	base := analyzer.Counts{N: 1000, K: 1}
	require.Equal(t, Finding{Level: OK, Text: "at 2 requests/s, to prove a jump from 0.1 %: to 1 % cannot be proven; to 5 % takes about 1m30s; to 20 % takes about 45s"},
		evidence(2, base, []Proof{{0.01, 0}, {0.05, 90}, {0.2, 45}}, active))
	f := evidence(0.01, base, []Proof{{0.01, 0}, {0.05, 3600}}, active)
	require.Equal(t, Warning, f.Level)
	require.Equal(t, "hardly anything can be proven in the active stage of 15m; let probes send requests, or judge by what has more traffic", f.Fix)
}

func TestBoundsAroundTheLimit(t *testing.T) {
	sig := analyzer.Signal{Objective: analyzer.Objective{SLO: 500 * time.Millisecond, Unit: time.Millisecond}}
	for _, c := range []struct {
		bounds    []float64
		below, at float64
		level     Level
	}{
		{[]float64{100, 500, 1000}, 0.1, 0.5, OK}, {[]float64{100, 1000}, 0.1, 1, Warning}, {[]float64{1000}, 0, 1, Warning}, {[]float64{100}, 0.1, 0, Problem}, {nil, 0, 0, Problem},
	} {
		got, finding := boundsAround(sig, seen{bounds: c.bounds})
		require.Equal(t, c.level, finding.Level, c.bounds)
		require.Equal(t, []float64{c.below, c.at}, []float64{orZero(got.Below), orZero(got.At)}, c.bounds)
	}
}

func orZero(f *float64) float64 {
	if f == nil {
		return 0
	}
	return *f
}

func TestListsAreShort(t *testing.T) {
	require.Equal(t, "none", list(nil))
	require.Equal(t, `"a\x1b"`, list([]string{"a\x1b"}))
	require.Equal(t, `"1", "2", "3", "4", "5", "6", "7", "8" and 2 more`, list([]string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "0"}))
}
