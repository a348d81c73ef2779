package watch

import (
	"fmt"
	"time"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/freeze"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/rollback"
)

// This file holds what keeps a rollback from being made that could be made.

// Freeze is a window in which nothing should be deployed on the workloads that it matches; without a match these are all.
type Freeze struct {
	Match []Match
	freeze.Window
}

// frozen returns the freeze that holds for a workload at a time, if there is one.
func frozen(all []Freeze, t event.Target, at time.Time) (freeze.Period, bool) {
	for _, f := range all {
		if !(Policy{Match: f.Match}).Covers(t) {
			continue
		}
		if p, ok := f.At(at); ok {
			return p, true
		}
	}
	return freeze.Period{}, false
}

// flag notes that the release was deployed while nothing should have been. What a person ordered is no deployment, and a
// hotfix is what freezes make room for.
func (s *step) flag(freezes []Freeze, t0 time.Time) {
	w := s.watch
	if w.Order != nil || w.Event.Hotfix {
		return
	}
	if period, ok := frozen(freezes, w.Event.Target(), t0); ok {
		s.add(incident.Entry{Kind: incident.KindFrozen, Frozen: &period})
	}
}

// inFreeze returns why a rollback waits for the end of a freeze, or for a person: only where the policy says so. Whether the
// release is a hotfix does not matter, since its publisher says that.
func (s *Supervisor) inFreeze(w Watch, now time.Time) *rollback.Refusal {
	if !w.Policy.AskInFreeze {
		return nil
	}
	p, ok := frozen(s.rules().Freezes, w.Event.Target(), now)
	if !ok {
		return nil
	}
	return &rollback.Refusal{Code: rollback.RefuseFreeze,
		Reason: fmt.Sprintf("policy %q asks a person during the freeze %q, which lasts until %s", w.Policy.Name, p.Name, clockTime(p.Until))}
}

// guarded looks at a plan once more: at the target, by what has come out about it since it was pinned, and at how many
// rollbacks there have been. The room that it takes out of the budgets is given back when the plan has been dealt with. An
// intent that is journalled has been through it.
func (a *actor) guarded(in planned, snapshot rollback.Snapshot, now time.Time) planned {
	w := a.watch
	if in.refusal != nil && in.scale == nil || w.State == RollingBack {
		return in
	}
	if refusal := a.objection(in, snapshot, now); refusal != nil {
		in.refusal, in.scale = refusal, nil
	}
	return in
}

// objection returns what speaks against a plan. Of one that only scales the old colour up so far, the room in the budgets is
// looked at, but not taken.
func (a *actor) objection(in planned, snapshot rollback.Snapshot, now time.Time) *rollback.Refusal {
	w := a.watch
	if r := a.unfit(*w.Pin, in.pin, w, snapshot); r != nil {
		return r
	}
	if w.leave() != nil {
		return nil
	}
	if r := a.overrule(w); r != nil {
		return r
	}
	if r := a.uncounted(w, now); r != nil {
		return r
	}
	if in.scale != nil {
		return a.room(w, now)
	}
	return a.reserve(w, now)
}

// unfit returns why a target is none by what has come out about it. Whether one that a person named is good is for the person to
// know; that it ran on another schema is not overruled.
func (s *Supervisor) unfit(pinned rollback.Pin, named *rollback.Pin, w Watch, snapshot rollback.Snapshot) *rollback.Refusal {
	if named != nil {
		return rollback.SchemaSince(*named, snapshot, s.verdictsOn(w, snapshot))
	}
	return rollback.TargetBad(pinned, s.verdictsOn(w, snapshot))
}

// verdictsOn returns what all other watches of the workload, and of the other colour of a switch, have found out, whenever
// their events came.
func (s *Supervisor) verdictsOn(w Watch, snapshot rollback.Snapshot) []rollback.PastWatch {
	w.AcceptedAt = time.Now().Add(time.Hour)
	return s.pastOf(w, snapshot)
}

func frozenText(p freeze.Period) string {
	return fmt.Sprintf("it lasts from %s until %s. The release is watched as any other; one that must go out says hotfix in its event", clockTime(p.From), clockTime(p.Until))
}
