package backtest

import (
	"bytes"
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/config"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/watch"
	"github.com/rollbackd/rollbackd/test/history/record"
	"github.com/rollbackd/rollbackd/test/history/scenario"
	"github.com/rollbackd/rollbackd/test/history/serve"
)

// counting counts the questions that Prometheus is asked for samples.
type counting struct {
	Source
	asked chan struct{}
}

func (c counting) Extend(ctx context.Context, h *analyzer.History, until time.Time) error {
	if until.After(h.Until()) {
		c.asked <- struct{}{}
	}
	return c.Source.Extend(ctx, h, until)
}

// daylong makes up 20 hours of workloads that are deployed once each, in the middle.
func daylong(t *testing.T, layout scenario.Layout, faults ...scenario.Fault) past {
	t.Helper()
	if testing.Short() {
		t.Skip("needs the stack's Prometheus; run without -short")
	}
	plan, err := scenario.New(scenario.Options{
		Deployments: len(faults), Workloads: len(faults), Faults: faults, Layouts: []scenario.Layout{layout},
		Before: 10 * time.Hour, After: 10 * time.Hour, Seed: 11,
	})
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, record.Write(t.Context(), plan, dir, nil))
	server, err := serve.Start(t.Context(), filepath.Join(dir, record.TSDB))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	cfg, err := config.Load(filepath.Join(dir, "rollbackd.yaml"))
	require.NoError(t, err)
	cfg.Prometheus.URL = server.URL
	api, err := cfg.Prometheus.API()
	require.NoError(t, err)
	p := past{
		opts:  Options{Source: analyzer.NewSampler(api, time.Minute), Policies: cfg.WatchPolicies(), Now: plan.End},
		truth: map[string]scenario.Truth{},
	}
	for _, d := range plan.Deployments {
		e, rejection := event.Parse(encoded(t, d.Event))
		require.Nil(t, rejection)
		p.events, p.truth[e.ID] = append(p.events, e), d.Truth
	}
	return p
}

// Of a history in which nothing goes wrong nothing is rolled back, whatever the labels tell apart; where pods are told apart,
// halves of them are compared too.
func TestNoPlaceboOfAHealthyHistoryIsRolledBack(t *testing.T) {
	t.Parallel()
	for _, layout := range scenario.Layouts() {
		t.Run(string(layout), func(t *testing.T) {
			t.Parallel()
			p := daylong(t, layout, scenario.None, scenario.None)
			place := Placing{
				Policies: p.opts.Policies, Deployments: p.events, From: p.events[0].Timestamp.Add(-9 * time.Hour), Until: p.opts.Now,
				PerWorkload: 6, Watch: time.Hour, Seed: 3,
			}
			list, without := place.Placebos()
			require.Empty(t, without)
			summary := NewPlaceboSummary(place.Seed, p.opts.Policies, without)
			require.NoError(t, RunPlacebos(t.Context(), p.opts, list, p.events, 2, func(o Outcome) {
				require.NoError(t, o.Err)
				if o.Verdict == analyzer.Regressed {
					t.Errorf("%s %s: %s", o.ID, o.Compared, o.Reason)
				}
				summary.Add(o)
			}))
			before, halves := summary.Comparisons[0], summary.Comparisons[1]
			require.Equal(t, 12, before.Placebos)
			require.Positive(t, before.Healthy, "%+v", before)
			require.InDelta(t, 12, before.Hours, 1.5)
			if layout == scenario.ByPod {
				require.Positive(t, halves.Healthy, "%+v", halves)
			} else {
				require.Equal(t, 12, halves.Indivisible)
			}
		})
	}
}

// What went wrong when nobody had announced a deployment is found by placebos before it, and said to be what it may be.
func TestAPlaceboBeforeAnIncidentIsRolledBack(t *testing.T) {
	t.Parallel()
	p := daylong(t, scenario.ByPod, scenario.ErrorJump, scenario.None)
	bad := p.events[slices.IndexFunc(p.events, func(e event.Event) bool { return p.truth[e.ID].Fault.Bad() })]
	onset := *p.truth[bad.ID].Onset
	e := bad
	e.ID, e.Version, e.Timestamp = "placebo-1", "placebo 1", onset.Add(-5*time.Minute)
	asked := make(chan struct{}, 1000)
	opts := p.opts
	opts.Source = counting{opts.Source, asked}
	placebo := Placebo{Event: e, Watch: time.Hour, Seed: 1}
	outcomes := ReplayPlacebo(t.Context(), opts, placebo, nil)
	require.Len(t, outcomes, 2)
	before := outcomes[0]
	require.NoError(t, before.Err)
	require.Equal(t, analyzer.Regressed, before.Verdict, before.Reason)
	require.False(t, before.DecidedAt.Before(onset))
	require.LessOrEqual(t, len(asked), 9, "three signals, each read once for both comparisons, in three pieces at most")

	summary := NewPlaceboSummary(1, p.opts.Policies, nil)
	var out bytes.Buffer
	table := NewPlaceboTable(&out, summary)
	for _, o := range outcomes {
		require.NoError(t, table.Add(o))
	}
	require.NoError(t, table.End())
	require.Contains(t, out.String(), "would have been rolled back at "+before.DecidedAt.UTC().Format("2006-01-02 15:04:05"))
	require.Contains(t, out.String(), "Would have been rolled back: 1 of 1")
	require.Contains(t, out.String(), "Look at each: an incident of that time is no mistake")
}

// A time of which there are no samples counts for nothing.
func TestPlacebosWithoutSamplesCountForNothing(t *testing.T) {
	opts := Options{Source: silent{}, Policies: []watch.Policy{onePolicy()}, Now: noon().Add(48 * time.Hour)}
	summary := NewPlaceboSummary(1, opts.Policies, nil)
	list, _ := placing(5, deployed(0)).Placebos()
	require.NoError(t, RunPlacebos(t.Context(), opts, list, nil, 2, summary.Add))
	before, halves := summary.Comparisons[0], summary.Comparisons[1]
	require.Equal(t, 5, before.NoData)
	require.Equal(t, 5, halves.Indivisible)
	require.Zero(t, before.Rate.Of)
	require.Contains(t, summary.Sentences()[0], "None could be judged.")
}

// silent knows of nothing.
type silent struct{ watch.Sampler }

func (silent) Extend(context.Context, *analyzer.History, time.Time) error { return nil }

// Pods are halved at random, the same with the same seed; those that come later go to either side.
func TestPodsAreHalved(t *testing.T) {
	at := noon()
	var seen []analyzer.Sighting
	pod := func(name string, first, last time.Duration) {
		seen = append(seen, analyzer.Sighting{Pod: name, First: at.Add(first), Last: at.Add(last)})
	}
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		pod("checkout-77-"+name, -time.Hour, time.Hour)
	}
	pod("checkout-77-gone", -time.Hour, -10*time.Minute)
	for _, name := range []string{"f", "g", "h", "i", "j", "k", "l", "m", "n", "o"} {
		pod("checkout-77-later-"+name, 10*time.Minute, time.Hour)
	}
	all := []sightings{{labels: analyzer.Labels{Pod: "pod"}, seen: seen}}
	halves := func(seed uint64) release {
		p := &placebo{Placebo: Placebo{Event: deployed(0), Seed: seed}, how: HalfOfPods}
		return p.release(all, 15*time.Second)
	}
	one := halves(1)
	require.Equal(t, one.members.Pods, halves(1).members.Pods)
	different := false
	for seed := range uint64(20) {
		r := halves(seed)
		first, later := 0, 0
		for pod := range r.members.Pods {
			require.False(t, r.control.Pods[pod], "%s is on both sides", pod)
			if len(pod) == len("checkout-77-a") {
				first++
			} else {
				later++
			}
		}
		require.Equal(t, 2, first, "of five pods two are called new")
		require.Len(t, r.control.Pods, len(seen)-len(r.members.Pods))
		require.True(t, r.control.Pods["checkout-77-gone"], "what went before is the old version's")
		require.Positive(t, later)
		require.Less(t, later, 10)
		different = different || !mapsEqual(one.members.Pods, r.members.Pods)
	}
	require.True(t, different)
}

func mapsEqual(a, b map[string]bool) bool {
	for k := range a {
		if !b[k] {
			return false
		}
	}
	return len(a) == len(b)
}
