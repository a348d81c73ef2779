package watch

import (
	"fmt"
	"time"

	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/rollback"
)

// This file scales the old colour of a switch up that was scaled down, before the traffic is switched back to it. It is a
// step of its own: its intent is journalled before it and its outcome after, and the switch is planned anew, on what is
// measured and live by then. A watch scales once, so that nothing that others do to the Deployment can keep it scaling.

// scaleUp is the scaling that a watch has begun.
type scaleUp struct {
	plan    rollback.ScalePlan
	at      time.Time
	outcome *incident.Outcome
}

// scaled: what came of the scaling.
type scaled struct {
	result rollback.Result
	detail string
}

func (scaled) isInput() {}

// effectScale scales the old colour up.
const effectScale effect = "scale"

func (w Watch) applyScaled(o incident.Outcome) Watch {
	if w.scale != nil {
		done := *w.scale
		done.outcome = &o
		w.scale = &done
	}
	return w
}

// scaling reports whether a scaling was begun of which the outcome is not known.
func (w Watch) scaling() bool { return w.scale != nil && w.scale.outcome == nil }

// wantedScale carries the scaling out. One that was begun by another process, or a while ago, waits for a breach that was
// measured since. The patch fences itself, so that it need not be looked up first.
func (w Watch) wantedScale(now time.Time) effect {
	fresh := now.Sub(w.scale.at) <= intentTrusted && w.scale.at.After(w.resumed)
	if fresh || w.actionable(now) && (w.ordered != nil || w.lastTick.After(w.scale.at)) {
		return effectScale
	}
	return effectNone
}

// scaledUpFirst adds to a refusal for want of ready pods the scaling that may lift it.
func (w Watch) scaledUpFirst(in planned, pin rollback.Pin, snapshot rollback.Snapshot) planned {
	if w.Policy.ReadyWithin <= 0 || w.scale != nil || w.State == RollingBack || pin.Switch == nil ||
		in.refusal == nil || in.refusal.Code != rollback.RefuseTargetNotReady {
		return in
	}
	plan, refusal := rollback.PlanScaleUp(pin, snapshot, w.failsMostly())
	if refusal != nil {
		in.refusal = refusal
		return in
	}
	in.scale = &plan
	return in
}

// scalesFirst takes up the scaling that may lift a refusal, or waits for one to take effect. It is false where the refusal
// stands.
func (s *step) scalesFirst(r *rollback.Refusal, plan *rollback.ScalePlan) bool {
	w := s.watch
	switch {
	case r == nil || r.Code != rollback.RefuseTargetNotReady:
		return false
	case w.scale == nil:
		if plan != nil && w.actionable(s.now) {
			s.add(incident.Entry{Kind: incident.KindScale, Scale: plan})
		}
		return plan != nil
	case w.scaling():
		return true
	}
	return w.scale.outcome.Result == rollback.Landed && !s.overtime(w.scale.at, w.Policy.ReadyWithin) // asked again in a moment
}

// inVain says of a refusal that scaling up did not lift it.
func (w Watch) inVain(r *rollback.Refusal) *rollback.Refusal {
	if r == nil || r.Code != rollback.RefuseTargetNotReady || w.scale == nil || w.scaling() {
		return r
	}
	told := *r
	if o := w.scale.outcome; o.Result == rollback.Landed {
		told.Reason += fmt.Sprintf("; %s was scaled up to %d replicas, but they were not ready within %s",
			w.scale.plan.Workload, w.scale.plan.To, w.Policy.ReadyWithin)
	} else {
		told.Reason += "; it could not be scaled up: " + o.Detail
	}
	return &told
}

func (s *step) scaled(in scaled) {
	if s.watch.scaling() {
		s.add(incident.Entry{Kind: incident.KindScaled, Scaled: &incident.Outcome{Result: in.result, Detail: in.detail}})
	}
}

// notBefore is from when on it counts how long a rollback is not acted on: the time in which the old colour may get ready
// is not counted.
func (w Watch) notBefore(since time.Time) time.Time {
	if w.scale == nil {
		return since
	}
	if ready := w.scale.at.Add(w.Policy.ReadyWithin); ready.After(since) {
		return ready
	}
	return since
}
