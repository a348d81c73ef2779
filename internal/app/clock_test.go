package app

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/promclient"
	"github.com/rollbackd/rollbackd/internal/promtest"
)

const failing = `# target: namespace=shop pod=checkout-7d9f8c6b5-x2x4z
http_requests_total{code="200"} 50
http_requests_total{code="500"} 950
`

func failingSignal() analyzer.Signal {
	return analyzer.Signal{
		Name: "errors", Kind: analyzer.KindErrorRate, Scrape: time.Second,
		Requests: "http_requests_total", Errors: `http_requests_total{code="500"}`,
		Labels: analyzer.Labels{Namespace: "namespace", Pod: "pod"},
		Rule:   analyzer.Sustained{Relative: 0.1, Absolute: 0.01, Window: 10 * time.Second, For: 5 * time.Second, MinRequests: 10},
	}
}

// A service of which nearly everything fails is measured by a daemon whose clock is wrong, against a real Prometheus: what was
// measured says that the clocks are apart, and is neither a breach nor health.
func TestNothingIsJudgedWhileTheClocksAreApart(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a Prometheus")
	}
	exposed := promtest.Expose(t, promtest.ParseTargets(t, "exposed", failing))
	server := promtest.Start(t, exposed.Configuration(time.Second))
	from, to := exposed.Count(t, server)
	for _, c := range []struct {
		wrong time.Duration // how far the daemon's clock is ahead
		says  string
	}{
		{0, ""},
		{30 * time.Second, "the clock of Prometheus is about 30s behind this machine's"},
		{-30 * time.Second, "the clock of Prometheus is about 30s ahead of this machine's"},
		{5 * time.Minute, "the clock of Prometheus is about 5m0s behind this machine's"},
		{-5 * time.Minute, "the clock of Prometheus is about 5m0s ahead of this machine's"},
		{time.Hour, "the clock of Prometheus is about 1h0m0s behind this machine's"},
		{-time.Hour, "the clock of Prometheus is about 1h0m0s ahead of this machine's"},
	} {
		t.Run(fmt.Sprint(c.wrong), func(t *testing.T) {
			core, logged := observer.New(zap.InfoLevel)
			now := func() time.Time { return time.Now().Add(c.wrong) }
			watched := &clock{prometheus: server.API, now: now, scrape: time.Second, log: zap.New(core)}
			sampler := clockedSampler{analyzer.NewSampler(server.API, 10*time.Second), watched}
			promtest.Eventually(t, "the clock is read", func(ctx context.Context) error { return watched.reachable(ctx) })

			// The ticks are those of the daemon's own clock.
			span := analyzer.Span{From: from.Add(c.wrong), At: to.Add(c.wrong)}
			sub := analyzer.Subject{Key: "w", Namespace: "shop", Workload: "checkout", Fresh: true, Spans: []analyzer.Span{span},
				Release: analyzer.Members{PodPrefix: "checkout-7d9f8c6b5-"}}
			got, err := sampler.Sample(t.Context(), failingSignal(), []analyzer.Subject{sub})
			require.NoError(t, err)
			m := got["w"][0]
			require.InDelta(t, -c.wrong.Seconds(), testutil.ToFloat64(watched.gauge()), 1)
			if c.says == "" {
				require.EqualValues(t, analyzer.Counts{N: 1000, K: 950}, m.Total())
				require.Zero(t, logged.Len())
				return
			}
			require.Equal(t, 1, logged.FilterLevelExact(zap.WarnLevel).Len())
			require.Contains(t, logged.All()[0].Message, c.says)
			require.Contains(t, m.Error, c.says)
			require.Empty(t, m.Pods)
			requireNoData(t, span, m)
		})
	}
}

// requireNoData judges a quarter of an hour of such ticks: nothing comes of them, and health least of all.
func requireNoData(t *testing.T, span analyzer.Span, m analyzer.Measurement) {
	t.Helper()
	rules := analyzer.Rules{Signals: []analyzer.Signal{failingSignal()}, Alpha: analyzer.DefaultAlpha, MinBreach: 15 * time.Second}
	bases := map[string]analyzer.Baseline{"errors": {Signal: "errors", Counts: analyzer.Counts{N: 10_000, K: 10}}}
	var st analyzer.State
	var j analyzer.Judgement
	for n := range 180 {
		at := span.At.Add(time.Duration(n) * 5 * time.Second)
		st, j = analyzer.Step(rules, bases, st, analyzer.Tick{From: at.Add(-5 * time.Second), At: at, Signals: map[string]analyzer.Measurement{"errors": m}})
		require.Equal(t, analyzer.NoData, j.Verdict)
		require.False(t, j.ProvenHealthy)
	}
	verdict, _ := j.AtEnd()
	require.Equal(t, analyzer.NoData, verdict)
}

// When the clocks are set right it is told once, and measuring goes on. What does not come from metrics was never held up.
func TestClocksThatAreSetRight(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a Prometheus")
	}
	server := promtest.Start(t, "{}")
	wrong := time.Minute
	core, logged := observer.New(zap.InfoLevel)
	c := &clock{prometheus: server.API, now: func() time.Time { return time.Now().Add(wrong) }, scrape: 5 * time.Second, log: zap.New(core)}
	registry := prometheus.NewRegistry()
	registry.MustRegister(c.gauge())
	told, err := registry.Gather()
	require.NoError(t, err)
	require.Empty(t, told, "nothing is known before Prometheus was asked")
	for range 3 {
		require.NoError(t, c.reachable(t.Context()))
	}
	require.NotEmpty(t, c.problem(5*time.Second))
	require.Empty(t, c.problem(2*time.Minute), "what is scraped so seldom is not missed")
	wrong = 0
	for range 3 {
		require.NoError(t, c.reachable(t.Context()))
	}
	require.Empty(t, c.problem(5*time.Second))
	require.Equal(t, []string{"warn", "info"}, []string{logged.All()[0].Level.String(), logged.All()[1].Level.String()})
	require.Equal(t, 2, logged.Len())
	got, err := clockedSampler{analyzer.NewSampler(server.API, 10*time.Second), c}.Sample(t.Context(), analyzer.Signal{Kind: analyzer.KindSmoke}, nil)
	require.NoError(t, err)
	require.Empty(t, got)
}

// A daemon whose clock is ahead asks for no ticks of a time that Prometheus has not come to. That a clock was set since they were
// compared is seen on its monotonic reading, which only a real clock has: the chaos tests step one.
func TestTicksAreDueUpToTheTimeOfPrometheus(t *testing.T) {
	at := time.Now()
	require.Zero(t, stepped(at, at.Add(time.Minute)))
	for _, c := range []struct {
		name           string
		ahead, reached time.Duration // of Prometheus' clock, seen from the daemon's
		problem        bool
	}{
		{"the same", 0, 0, false},
		{"within a scrape", -time.Second, 0, false},
		{"behind", -10 * time.Minute, -10 * time.Minute, true},
		{"ahead", 10 * time.Minute, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			now := at.Add(3 * time.Second)
			watched := &clock{scrape: 5 * time.Second, now: func() time.Time { return now }}
			require.Equal(t, now, watched.Reached(now), "nothing is known before Prometheus was asked")
			watched.newest.Store(&reading{Skew: promclient.Skew{Ahead: c.ahead}, at: at})
			require.Equal(t, c.reached, watched.Reached(now).Sub(now))
			require.Equal(t, c.problem, watched.problem(5*time.Second) != "")
		})
	}
}
