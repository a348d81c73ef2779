package analyzer

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A release that was scaled to zero has no data, and it is said why: that Prometheus has no sample would send people to look at
// Prometheus.
func TestAReleaseWithoutPodsSaysSo(t *testing.T) {
	rules := Rules{Signals: []Signal{
		{Name: "errors", Kind: KindErrorRate, Scrape: 15 * time.Second, Rule: Sustained{Relative: 0.1, Absolute: 0.001, Window: time.Minute, For: 5 * time.Minute, MinRequests: 100}},
		{Name: "rollout", Kind: KindRollout, Rule: Sustained{For: 5 * time.Minute}},
	}}
	for name, c := range map[string]struct {
		said Rollout
		want string
	}{
		"scaled to zero":        {Rollout{}, "rollout: the release has no pod, as where it is scaled to zero, and neither has the old version"},
		"pods that say nothing": {Rollout{Release: PodCounts{Pods: 2, Ready: 2}}, "errors: Prometheus has no sample of the pods in this tick"},
		"the old one is there":  {Rollout{Old: PodCounts{Pods: 2, Ready: 2}}, "errors: Prometheus has no sample of the pods in this tick"},
	} {
		t.Run(name, func(t *testing.T) {
			var st State
			var j Judgement
			at := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
			for range 60 {
				tick := Tick{From: at, At: at.Add(15 * time.Second), Signals: map[string]Measurement{"errors": {}, "rollout": {Rollout: &c.said}}}
				st, j = Step(rules, map[string]Baseline{"errors": {Counts: Counts{N: 10000, K: 100}}}, st, tick)
				at = at.Add(15 * time.Second)
			}
			require.Equal(t, NoData, j.Verdict)
			require.Equal(t, c.want, j.Reason)
		})
	}
}

// Samples that come less often than is configured are all after a gap. It is said, as nothing will be counted later either.
func TestSamplesThatComeTooSeldomSaySo(t *testing.T) {
	sig := Signal{Name: "errors", Kind: KindErrorRate, Scrape: 15 * time.Second, Rule: Sustained{Relative: 0.1, Absolute: 0.001, Window: time.Minute, For: 5 * time.Minute, MinRequests: 100}}
	at := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	series := []Series{{Pod: "web-a"}}
	for i := range 30 {
		series[0].Samples = append(series[0].Samples, Sample{T: at.Add(time.Duration(i) * time.Minute).UnixMilli(), V: float64(600 * i)})
	}
	var st State
	reasons := map[string]bool{}
	for i := range 60 {
		span := Span{From: at.Add(time.Duration(i+8) * 15 * time.Second), At: at.Add(time.Duration(i+9) * 15 * time.Second)}
		tick := Tick{From: span.From, At: span.At, Signals: map[string]Measurement{"errors": Measure(series, Window{Span: span, Scrape: 15 * time.Second})}}
		var j Judgement
		st, j = Step(Rules{Signals: []Signal{sig}}, map[string]Baseline{"errors": {Counts: Counts{N: 10000, K: 100}}}, st, tick)
		reasons[j.Reason] = true
		require.NotEqual(t, Regressed, j.Verdict)
	}
	require.Contains(t, reasons, "errors: the samples come after a gap of more than 2.5 scrapes, from which nothing can be counted: scrapes failed, or come less often than every 15s as configured; see scrapeInterval")
	require.Contains(t, reasons, "errors: Prometheus has no sample of the pods in this tick")
}
