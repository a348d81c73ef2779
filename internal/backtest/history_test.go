package backtest

import (
	"context"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/config"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/test/history/record"
	"github.com/rollbackd/rollbackd/test/history/scenario"
	"github.com/rollbackd/rollbackd/test/history/serve"
)

// past is a made-up history that a real Prometheus serves.
type past struct {
	opts   Options
	events []event.Event
	truth  map[string]scenario.Truth
}

// served makes up one deployment of every fault, each of a workload of its own.
func served(t *testing.T, layout scenario.Layout, faults ...scenario.Fault) past {
	t.Helper()
	if testing.Short() {
		t.Skip("needs the stack's Prometheus; run without -short")
	}
	plan, err := scenario.New(scenario.Options{
		Deployments: len(faults), Workloads: len(faults), Faults: faults, Layouts: []scenario.Layout{layout},
		Before: time.Hour, After: 75 * time.Minute, Seed: 5,
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
		opts:  Options{Source: analyzer.NewSampler(api, time.Minute), Policies: cfg.WatchPolicies(), Now: time.Now().AddDate(10, 0, 0), Courses: true},
		truth: map[string]scenario.Truth{},
	}
	for _, d := range plan.Deployments {
		e, rejection := event.Parse(encoded(t, d.Event))
		require.Nil(t, rejection)
		p.events, p.truth[e.ID] = append(p.events, e), d.Truth
	}
	return p
}

// replayed returns the outcomes. They are looked at after the replay, which a test that failed in its midst would leave waiting.
func (p past) replayed(t *testing.T, events []event.Event) []Outcome {
	t.Helper()
	var out []Outcome
	require.NoError(t, Run(t.Context(), p.opts, events, 4, func(o Outcome) { out = append(out, o) }))
	require.Len(t, out, len(events))
	for _, o := range out {
		require.NoError(t, o.Err)
	}
	return out
}

func encoded(t *testing.T, value any) []byte {
	t.Helper()
	text, err := json.Marshal(value)
	require.NoError(t, err)
	return text
}

// indistinguishable are the faults that the labels of a layout leave no trace of.
func indistinguishable(layout scenario.Layout) []scenario.Fault {
	switch layout {
	case scenario.ByVersion: // one pod of a version cannot be told from the others
		return []scenario.Fault{scenario.SickPod}
	case scenario.ByWorkload: // nor the silence of a version that nothing tells from the old one
		return []scenario.Fault{scenario.SickPod, scenario.SilentPods}
	}
	return nil
}

// Every release that is to blame is found, and no other is: by pods, by versions, and by time alone.
func TestBacktestFindsBadReleasesOnly(t *testing.T) {
	t.Parallel()
	for _, layout := range scenario.Layouts() {
		t.Run(string(layout), func(t *testing.T) {
			t.Parallel()
			p := served(t, layout, scenario.Faults()...)
			got := map[scenario.Fault]analyzer.Verdict{}
			for _, o := range p.replayed(t, p.events) {
				truth := p.truth[o.ID]
				got[truth.Fault] = o.Verdict
				if slices.Contains(indistinguishable(layout), truth.Fault) {
					continue
				}
				if bad := o.Verdict == analyzer.Regressed; bad != truth.Fault.Bad() {
					t.Errorf("%s (%s): %s: %s", truth.Fault, o.ID, o.Verdict, o.Reason)
				}
				if o.Verdict == analyzer.Regressed && o.DecidedAt.Before(*truth.Onset) {
					t.Errorf("%s: decided at %s, before it began at %s", truth.Fault, o.DecidedAt, truth.Onset)
				}
			}
			require.ElementsMatch(t, scenario.Faults(), slices.Collect(maps.Keys(got)))
			require.Equal(t, analyzer.Healthy, got[scenario.None])
			if layout == scenario.ByPod {
				require.Equal(t, analyzer.SickPod, got[scenario.SickPod])
				require.Equal(t, analyzer.External, got[scenario.SharedOutage])
				require.Equal(t, analyzer.External, got[scenario.FailingCallee])
				require.Equal(t, analyzer.NoData, got[scenario.TelemetryOutage])
			}
		})
	}
}

// A deployment that takes 25 minutes is announced when it begins, and for some tools again when it is complete. Either event finds the release.
func TestBacktestWaitsForWhatHasOnlyStarted(t *testing.T) {
	t.Parallel()
	for _, layout := range []scenario.Layout{scenario.ByPod, scenario.ByVersion} {
		t.Run(string(layout), func(t *testing.T) {
			t.Parallel()
			p := served(t, layout, scenario.ErrorJump, scenario.None)
			var both []event.Event
			for _, e := range p.events {
				started := e
				started.Status, started.Timestamp = event.StatusStarted, e.Timestamp.Add(-25*time.Minute)
				both = append(both, started, e)
			}
			for name, events := range map[string][]event.Event{"the first alone": {both[0], both[2]}, "both": both} {
				for _, o := range p.replayed(t, events) {
					want := analyzer.Healthy
					if p.truth[o.ID].Fault.Bad() {
						want = analyzer.Regressed
					}
					require.Equal(t, want, o.Verdict, "%s: %s: %s", name, p.truth[o.ID].Fault, o.Reason)
				}
			}
		})
	}
}

// A watch that measured tick by tick, was restarted at any ticks and caught up, came to the same verdicts at the same ticks.
func TestLiveRestartedAndReplayedAgree(t *testing.T) {
	t.Parallel()
	p := served(t, scenario.ByPod, scenario.ErrorJump, scenario.Blip, scenario.SickPod, scenario.SharedOutage, scenario.BusinessDrop)
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, e := range p.events {
		t.Run(string(p.truth[e.ID].Fault), func(t *testing.T) {
			beside := Surrounding{Others: p.events}
			replayed := Replay(t.Context(), p.opts, e, beside)
			require.NoError(t, replayed.Err)
			live := watchLive(t, p, e, beside, rnd)
			for i, course := range replayed.Courses {
				require.Equal(t, len(course.Points), len(live[i]), "ticks of %s", course.Signal.Name)
				for j, point := range course.Points {
					require.Empty(t, cmp.Diff(point.Assessment, live[i][j]), "%s at %s", course.Signal.Name, point.At)
				}
			}
		})
	}
}

// watchLive judges a deployment as the daemon does: it asks for the baseline once and for the ticks as they fall due, now and
// then for several that were missed, and now and then it forgets all but what it had written down.
func watchLive(t *testing.T, p past, e event.Event, beside Surrounding, rnd *rand.Rand) [][]analyzer.Assessment {
	t.Helper()
	r := &replay{Options: p.opts, event: e, beside: beside, policy: &p.opts.Policies[0]}
	require.NoError(t, r.begin(t.Context()))
	l := live{t: t, replay: r, out: make([][]analyzer.Assessment, len(r.policy.Signals))}
	for i, sig := range r.policy.Signals {
		base, err := p.opts.Source.Baseline(t.Context(), sig, r.subject(r.release.before()), analyzer.Span{From: r.release.t0.Add(-r.policy.BaselineWindow), At: r.release.t0})
		require.NoError(t, err)
		require.Equal(t, r.baselines[sig.Name], base, "baseline of signal %d", i)
	}
	for l.last = r.release.t0; ; {
		var spans []analyzer.Span
		for range 1 + rnd.IntN(4)*rnd.IntN(2) {
			at := r.policy.NextTick(r.release.t0, l.last)
			if at.After(r.end) {
				break
			}
			spans = append(spans, analyzer.Span{From: l.last, At: at})
			l.last = at
		}
		if len(spans) == 0 || l.step(t.Context(), spans) {
			return l.out
		}
		if rnd.IntN(20) == 0 {
			l.restart()
		}
	}
}

type live struct {
	t       *testing.T
	replay  *replay
	last    time.Time
	state   analyzer.State
	known   map[string]bool
	journal []analyzer.Tick
	out     [][]analyzer.Assessment
}

// step measures ticks at once and folds them; it reports whether the release is found bad.
func (l *live) step(ctx context.Context, spans []analyzer.Span) bool {
	r := l.replay
	sub := r.subject(r.release.members)
	sub.Control, sub.Spans, sub.Fresh, sub.Known = r.release.control, spans, r.release.fresh, l.known
	ticks := make([]analyzer.Tick, len(spans))
	for i, span := range spans {
		ticks[i] = analyzer.Tick{From: span.From, At: span.At, Signals: map[string]analyzer.Measurement{}}
	}
	for _, sig := range r.policy.Signals {
		got, err := r.Source.Sample(ctx, sig, []analyzer.Subject{sub})
		require.NoError(l.t, err)
		for i := range got[sub.Key] {
			ticks[i].Signals[sig.Name] = got[sub.Key][i]
		}
	}
	for _, tick := range ticks {
		tick = r.policy.Survey(ctx, r.Source, r.release.t0, l.state, r.suspicion(tick.At), tick)
		l.journal = append(l.journal, tick)
		var j analyzer.Judgement
		l.state, j = analyzer.Step(r.policy.Rules(), r.baselines, l.state, tick)
		for i, a := range j.Signals {
			l.out[i] = append(l.out[i], a)
		}
		for _, m := range tick.Signals {
			for pod := range m.Pods {
				l.remember(pod)
			}
		}
		if j.Verdict == analyzer.Regressed {
			return true
		}
	}
	return false
}

func (l *live) remember(pod string) {
	if l.known == nil {
		l.known = map[string]bool{}
	}
	l.known[pod] = true
}

// restart forgets everything and folds the journal anew, as it was written.
func (l *live) restart() {
	var ticks []analyzer.Tick
	require.NoError(l.t, json.Unmarshal(encoded(l.t, l.journal), &ticks))
	l.state = analyzer.State{}
	for _, tick := range ticks {
		l.state, _ = analyzer.Step(l.replay.policy.Rules(), l.replay.baselines, l.state, tick)
	}
}
