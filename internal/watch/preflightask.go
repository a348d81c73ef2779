package watch

import (
	"context"
	"fmt"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/rollback"
)

// This file gathers what preflight.go judges by.

const (
	// sampledFor is how far back it is looked whether Prometheus has samples of a workload.
	sampledFor = 5 * time.Minute
	// preflightPatience is how long the cluster, and after it Prometheus, may take to answer. Whoever asks waits for both.
	preflightPatience = 4 * time.Second
)

// mayDeploy tells what speaks against deploying a workload now, and what would become of the release. It changes nothing, and refuses
// nothing: what cannot be told is a warning, since rollbackd must not keep anybody from deploying by being unable to look.
func (s *Supervisor) mayDeploy(ctx context.Context, in control.Asked) control.Reply {
	o := s.outlook(ctx, in)
	found := control.Preflight{Workload: o.name(), Environment: in.Target.Environment, Checks: o.checks()}
	stops := found.Count(control.ResultStop)
	found.OK = stops == 0
	return control.Reply{
		OK: found.OK, Preflight: &found,
		Message: fmt.Sprintf("%d of %d checks stop a deployment of %s, and %d warn", stops, len(found.Checks), found.Workload, found.Count(control.ResultWarn)),
	}
}

func (s *Supervisor) outlook(ctx context.Context, in control.Asked) outlook {
	o := outlook{now: now(), event: s.deploying(in)}
	rules := s.rules()
	o.policy, o.rejected = ChoosePolicy(rules.Policies, o.event)
	if period, ok := frozen(rules.Freezes, in.Target, o.now); ok {
		o.freeze = &period
	}
	if hold, ok := s.holdOn(in.Target, o.now); ok {
		o.hold = &hold
	}
	o.open, o.bad = s.standing(o.event)

	w := Watch{Key: o.event.Key(), Event: o.event, AcceptedAt: o.now}
	bounded, cancel := context.WithTimeout(ctx, preflightPatience)
	defer cancel()
	snapshot, err := s.opts.read(bounded, w)
	if o.unread = err; err == nil {
		o.live = &snapshot
	}
	if o.policy == nil {
		return o
	}
	w.Policy = *o.policy
	o.spent = s.budgetSpent(w, o.now)
	if o.live == nil {
		return o
	}
	way := s.wayBackFrom(bounded, w, snapshot)
	o.way = &way
	if snapshot.Live != nil {
		o.samples, o.asked = s.sampledOf(ctx, w, snapshot), true
	}
	return o
}

// deploying is what the event of the release will say. Where the kind was not given it is that of the newest watch of the workload.
func (s *Supervisor) deploying(in control.Asked) event.Event {
	e := orderEvent(in, "", now())
	e.ID, e.Policy, e.Hotfix = "", in.Policy, in.Hotfix
	if e.Kind == "" {
		if known := s.matching(func(w *Watch) bool { return w.Event.Target() == in.Target }); len(known) > 0 {
			e.Kind = known[0].Event.Kind
		}
	}
	return e
}

// standing returns the open watches of a workload, the newest first, and the one that ended badly last.
func (s *Supervisor) standing(e event.Event) (open []Watch, bad *Watch) {
	for _, w := range s.matching(func(w *Watch) bool {
		return w.Event.Target() == e.Target() && kindOf(w.Event.Kind) == kindOf(e.Kind)
	}) {
		switch {
		case !w.State.Final():
			open = append(open, w)
		case w.endedBadly() && !w.Event.Drill && (bad == nil || w.Since.After(bad.Since)):
			bad = &w
		}
	}
	return open, bad
}

// wayBackFrom tells what a rollback of a release would go back to that takes the place of what is live now, as a rolling update does.
func (s *Supervisor) wayBackFrom(ctx context.Context, w Watch, snapshot rollback.Snapshot) wayBack {
	after, ok := rollback.Foresee(snapshot, w.AcceptedAt)
	if !ok {
		return wayBack{refusal: &rollback.Refusal{Code: rollback.RefuseUnsettled, Reason: "it cannot be told what " + w.workload().String() + " runs now"}}
	}
	pin := rollback.NewPin(after, *after.Live, w.AcceptedAt, s.pastOf(w, after), w.Policy.MinServing)
	if r := s.unfit(pin, nil, w, after); r != nil {
		return wayBack{refusal: r}
	}
	after, err := s.opts.Cluster.Inspect(ctx, pin, after)
	if err != nil {
		return wayBack{err: err}
	}
	plan, refusal := rollback.MakePlan(pin, after, false)
	if refusal == nil {
		_, refusal, err = s.mindOwners(ctx, w, plan, snapshot)
	}
	return wayBack{pin: pin, refusal: refusal, err: err}
}

// sampledOf asks Prometheus for what it has of each signal of what is live. Of the signals for which no time is left it is told that they were
// not looked at.
func (s *Supervisor) sampledOf(ctx context.Context, w Watch, snapshot rollback.Snapshot) (out []counted) {
	ctx, cancel := context.WithTimeout(ctx, preflightPatience)
	defer cancel()
	w.Pin = &rollback.Pin{Target: snapshot.Live}
	sub := w.subject(w.allPods(w.predecessor()))
	at := w.AcceptedAt.Add(-w.Policy.Scrape()) // the newest samples may not be there yet
	for _, sig := range w.Policy.Signals {
		if !sig.FromMetrics() {
			continue
		}
		found := counted{signal: sig.Name}
		base, err := s.opts.Sampler.Baseline(ctx, sig, sub, analyzer.Span{From: at.Add(-sampledFor), At: at})
		switch {
		case err != nil:
			found.problem = err
		case base.Problem != "":
			found.problem = fmt.Errorf("what Prometheus has cannot be counted: %s", base.Problem)
		default:
			found.n = max(base.Counts.N, uint64(len(base.Values)))
		}
		out = append(out, found)
	}
	return out
}
