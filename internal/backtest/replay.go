// Package backtest replays past deployments: what rollbackd would have said of each, had it been there.
//
// It needs Prometheus alone. Which series are a release's is told by the metrics themselves, as no cluster can be asked
// about the past. Samples are read in a few queries a deployment, and judged tick by tick by the very code that judges live:
// no tick knows anything of later ones.
package backtest

import (
	"context"
	"slices"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// Source reads a workload's past.
type Source interface {
	// Extend reads a history on to a later time.
	Extend(ctx context.Context, h *analyzer.History, until time.Time) error
	watch.Sampler
}

// Options say how to replay.
type Options struct {
	Source   Source
	Policies []watch.Policy
	// Now is the present: nothing after it is asked for.
	Now time.Time
	// Courses asks for what each signal showed.
	Courses bool
}

// piece is how much of a watch is read at once: little at first, since most that is decided is decided early.
func piece(watched time.Duration) time.Duration {
	switch {
	case watched < 15*time.Minute:
		return 15*time.Minute - watched
	case watched < time.Hour:
		return time.Hour - watched
	}
	return 2 * time.Hour
}

// replay is one deployment on its way through the past.
type replay struct {
	Options
	event   event.Event
	beside  Surrounding
	policy  *watch.Policy
	release release
	// placebo is set where nothing was released.
	placebo *placebo
	// histories holds the samples of the signals that are counted, nil in the place of those that are not.
	histories []*analyzer.History
	// held are histories that were read before, by their signals' names.
	held      map[string]*analyzer.History
	baselines map[string]analyzer.Baseline
	// end is when the watch ends, why says what ends it.
	end time.Time
	why string

	state    analyzer.State
	last     time.Time
	known    map[string]bool
	newest   analyzer.Judgement
	measured *decision
	// passed says that the first stage ended healthy.
	passed  bool
	excused *decision
	courses []Course
}

// decision is a judgement and its tick.
type decision struct {
	at time.Time
	analyzer.Judgement
}

// measured reports whether anything was measured in the tick.
func (d *decision) measured() bool {
	return slices.ContainsFunc(d.Signals, func(a analyzer.Assessment) bool {
		counts := a.Kind != analyzer.KindRollout && a.Kind != analyzer.KindSmoke
		return counts && (a.Outcome == analyzer.OutcomeOK || a.Outcome == analyzer.OutcomeBreach)
	})
}

// Surrounding is what the other deployments tell of one.
type Surrounding struct {
	// Successor is when the workload's next deployment began, zero if none is known.
	Successor time.Time
	// Others are all deployments, the oldest first.
	Others []event.Event
}

// Replay judges one deployment.
func Replay(ctx context.Context, opts Options, e event.Event, beside Surrounding) Outcome {
	return (&replay{Options: opts, event: e, beside: beside}).outcome(ctx)
}

// outcome replays to the end.
func (r *replay) outcome(ctx context.Context) Outcome {
	e := r.event
	out := Outcome{ID: e.ID, Event: e, Evidence: Evidence{Namespace: e.Namespace, Workload: e.Workload, Version: e.Version, T0: e.Timestamp}}
	if out.ID == "" {
		out.ID = e.Key()
	}
	policy, rejection := watch.ChoosePolicy(r.Policies, e)
	if policy == nil {
		out.Verdict, out.Reason = analyzer.Insufficient, "no policy covers this workload, so it would not have been watched"
		if rejection != nil {
			out.Reason = rejection.Error()
		}
		return out
	}
	past := r.placebo.policy(policy.OverHistory())
	if e.Strategy == event.StrategyCanary {
		past = past.ForCanaries()
	}
	r.policy, out.Policy = &past, policy.Name
	decided, err := r.run(ctx)
	if err != nil {
		out.Verdict, out.Reason, out.Err = analyzer.NoData, "the past could not be read: "+err.Error(), err
		return out
	}
	return r.conclude(out, decided)
}

// silence is after how long without anything of the release a watch need not be followed to its end.
const silence = time.Hour

// run reads and judges piece by piece, until there is a decision or the watch is over.
func (r *replay) run(ctx context.Context) (*decision, error) {
	if err := r.begin(ctx); err != nil {
		return nil, err
	}
	if r.placebo != nil && r.placebo.indivisible {
		return nil, nil
	}
	for next := r.next(); !next.After(r.end); next = r.next() {
		until := next.Add(piece(next.Sub(r.release.t0)))
		if err := r.read(ctx, until); err != nil {
			return nil, err
		}
		r.release.grow(r.census())
		d, err := r.judge(ctx, r.spans(until))
		if d != nil || err != nil {
			return d, err
		}
		if r.silentFor() > silence {
			r.why = "watched until nothing had been recorded of the release for " + rough(r.silentFor())
			break
		}
	}
	return nil, nil
}

// begin finds out what was released and measures what was before it.
func (r *replay) begin(ctx context.Context) error {
	ts := r.event.Timestamp
	for _, sig := range r.policy.Signals {
		if h, held := r.held[sig.Name]; held {
			r.histories = append(r.histories, h)
			continue
		}
		var h *analyzer.History
		if sig.FromMetrics() && sig.Query == "" {
			h = analyzer.NewHistory(sig, r.event.Namespace, analyzer.Pair{Workload: r.event.Workload, Beside: beside(r.event)}, ts.Add(-lead-r.policy.BaselineWindow-sig.Scrape))
		}
		r.histories = append(r.histories, h)
	}
	settleFor := r.policy.Settling(r.event.Status)
	if err := r.read(ctx, ts.Add(max(settleFor, 15*time.Minute))); err != nil {
		return err
	}
	if r.placebo != nil {
		r.release = r.placebo.release(r.seen(), r.policy.Scrape())
	} else {
		r.release = identify(r.event, r.beside.Others, r.seen(), settleFor)
	}
	if r.release.fresh { // the span of the first sample begins a scrape before it
		r.release.t0 = r.release.t0.Add(-r.policy.Scrape())
	}
	if r.event.Strategy == event.StrategyBlueGreen && r.release.fresh {
		r.release.t0 = r.switched(ts.Add(max(settleFor, lead)))
	}
	r.last = r.release.t0
	r.limit(r.beside.Successor)
	return r.measureBaselines(ctx)
}

// limit ends the watch at the end of its last stage, at the next deployment, or with the present.
func (r *replay) limit(successor time.Time) {
	r.end, r.why = r.release.t0.Add(r.policy.End()), "watched for "+r.policy.End().String()
	if r.placebo != nil && r.placebo.Watch > 0 && r.placebo.Watch < r.policy.End() {
		r.end, r.why = r.release.t0.Add(r.placebo.Watch), "watched for "+r.placebo.Watch.String()
	}
	if (r.release.undivided || !r.release.since.IsZero()) && !successor.IsZero() { // the next release may have begun before its event, and nothing would tell
		successor = latest(successor.Add(-lead), r.release.t0.Add(successor.Sub(r.release.t0)/2))
	}
	if !successor.IsZero() && successor.After(r.release.t0) && successor.Before(r.end) {
		r.end, r.why = successor, "watched until the next deployment"
	}
	if r.Now.Before(r.end) {
		r.end, r.why = r.Now, "watched until now"
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// next is the tick after the newest.
func (r *replay) next() time.Time { return r.policy.NextTick(r.release.t0, r.last) }

// spans returns the ticks up to a time.
func (r *replay) spans(until time.Time) []analyzer.Span {
	var out []analyzer.Span
	for last := r.last; ; {
		at := r.policy.NextTick(r.release.t0, last)
		if at.After(until) || at.After(r.end) {
			return out
		}
		out = append(out, analyzer.Span{From: last, At: at})
		last = at
	}
}

// judge folds the ticks one by one and returns the first judgement that would have been acted on or shown to a person.
func (r *replay) judge(ctx context.Context, spans []analyzer.Span) (*decision, error) {
	ticks, err := r.ticks(ctx, spans)
	if err != nil {
		return nil, err
	}
	for _, t := range ticks {
		passed := r.policy.EndsActive(r.release.t0, r.last, t.At)
		r.last = t.At
		t = r.policy.Survey(ctx, r.Source, r.release.t0, r.state, r.suspicion(t.At), t)
		r.state, r.newest = analyzer.Step(r.policy.Rules(), r.baselines, r.state, t)
		r.record(t)
		d := &decision{at: t.At, Judgement: r.newest}
		switch r.newest.Verdict {
		case analyzer.Regressed:
			if r.takenAway(d) {
				r.end = r.last
				return nil, nil
			}
			return d, nil
		case analyzer.External, analyzer.SickPod:
			if r.excused == nil {
				r.excused = d
			}
		}
		if r.newest.Verdict != analyzer.NoData && d.measured() {
			r.measured = d
		}
		if r.passed = r.passed || passed && r.newest.Verdict == analyzer.Healthy; r.passed && r.policy.EarlyPass && r.newest.ProvenHealthy {
			r.end, r.why = t.At, "proven healthy after "+t.At.Sub(r.release.t0).Round(time.Second).String()
			return nil, nil
		}
	}
	return nil, nil
}

func (r *replay) record(t analyzer.Tick) {
	if !r.Courses {
		return
	}
	for i, a := range r.newest.Signals {
		m := t.Signals[a.Signal]
		r.courses[i].Points = append(r.courses[i].Points, Point{At: t.At, Release: m.Total(), Control: m.Control, Assessment: a})
	}
}
