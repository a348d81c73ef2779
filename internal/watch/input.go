package watch

import (
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/rollback"
)

// input is something that a watch reacts to. There is one type for each.
type input interface{ isInput() }

type (
	// clock: time has passed.
	clock struct{}
	// observed: this is how the cluster shows the workload; past are the earlier watches of it, the newest first.
	observed struct {
		snapshot rollback.Snapshot
		past     []rollback.PastWatch
		// watchedBy names the open watch that follows the live release already; empty if there is none.
		watchedBy string
		// freezes are the times in which nothing should be deployed.
		freezes []Freeze
	}
	// missing: the API server says that there is no such workload, since the given time without a break.
	missing struct{ since time.Time }
	// unreadable: the API server forbids to read the workload, in these words, since the given time without a break.
	unreadable struct {
		since time.Time
		words string
	}
	// superseded: a newer event's version has settled on the same workload.
	superseded struct{ by event.Event }
	// updated: the second event of the pair arrived.
	updated struct {
		accepted incident.Accepted
		// stored, if there is one, is closed once the journal holds it.
		stored chan struct{}
	}
	// measured: ticks of the given phase.
	measured struct {
		phase incident.Phase
		ticks []analyzer.Tick
	}
	// baselined: the baseline of every signal.
	baselined struct{ baselines []analyzer.Baseline }
	// incidentOpened: the incident's name is claimed.
	incidentOpened struct{ id string }
	// planned: what a rollback would change, or why there can be none.
	planned struct {
		plan    rollback.Plan
		refusal *rollback.Refusal
		// pin is set if the plan is for a target that a person named.
		pin *rollback.Pin
		// scale is set with a refusal that scaling the old colour up first may lift.
		scale *rollback.ScalePlan
	}
	// applied: what came of the intent.
	applied struct {
		result rollback.Result
		detail string
	}
	// withdrawn: the plan of the intent no longer holds, and why; nothing was patched.
	withdrawn struct{ refusal *rollback.Refusal }
	// notLanded: the intent that was found at a restart is not in the cluster.
	notLanded struct{}
	// ownersHeld: the owners are held who must be before the intent is carried out, or why they cannot be.
	ownersHeld struct {
		detail  string
		refusal *rollback.Refusal
	}
	// unsure: carrying the intent out failed, and it is not known whether the patch landed all the same.
	unsure struct{}
)

func (clock) isInput()          {}
func (observed) isInput()       {}
func (missing) isInput()        {}
func (unreadable) isInput()     {}
func (superseded) isInput()     {}
func (updated) isInput()        {}
func (measured) isInput()       {}
func (baselined) isInput()      {}
func (incidentOpened) isInput() {}
func (planned) isInput()        {}
func (applied) isInput()        {}
func (withdrawn) isInput()      {}
func (notLanded) isInput()      {}
func (ownersHeld) isInput()     {}
func (unsure) isInput()         {}

// effect is the one thing that a watch wants done next; its result comes back as an input.
type effect string

const (
	effectNone effect = ""
	// effectObserve reads the workload.
	effectObserve effect = "observe"
	// effectBaseline measures the baselines.
	effectBaseline effect = "baseline"
	// effectOpenIncident claims a name for the incident.
	effectOpenIncident effect = "open-incident"
	// effectPlan reads the workload live and plans the rollback.
	effectPlan effect = "plan"
	// effectApply patches.
	effectApply effect = "apply"
	// effectCheckLanded asks whether an intent of an earlier run has landed.
	effectCheckLanded effect = "check-landed"
)

// wantedFirst is what the watch wants but for the pause of its rollout; see wanted.
func (w Watch) wantedFirst(now time.Time) effect {
	switch w.State {
	case Pending:
		if w.Unwatched == "" {
			return effectObserve
		}
	case Watching:
		if w.ordered != nil {
			return effectOpenIncident
		}
		if len(w.Baselines) == 0 {
			return effectBaseline
		}
		if w.breaching(now) || w.over() && w.judgement.Verdict == analyzer.Regressed {
			return effectOpenIncident
		}
	case Regressed, AwaitingApproval:
		if w.scaling() {
			return w.wantedScale(now)
		}
		if w.actionable(now) && w.forbidden() == nil {
			return effectPlan
		}
	case RollingBack:
		if want, ok := w.wantedMigration(now); ok {
			return want
		}
		return w.wantedIntent(now)
	case Verifying:
		if want, ok := w.wantedMigration(now); ok {
			return want
		}
		if len(w.Baselines) == 0 {
			return effectBaseline // a person did not wait for it
		}
	}
	return effectNone
}

// intentTrusted is how long an intent may be carried out on the judgement that it was decided on.
const intentTrusted = 30 * time.Second

// trusts reports whether the intent may be carried out on the judgement that it was decided on. One that another process
// has journalled may not: nobody judged while none ran, and the breach may be over.
func (w Watch) trusts(now time.Time) bool {
	return now.Sub(w.intentAt) <= intentTrusted && w.intentAt.After(w.resumed)
}

// wantedIntent carries an intent out while it is trusted. One that was found at a restart, or held up by an
// unreachable API server, is looked up first and then waits for a fresh tick that still shows the breach.
func (w Watch) wantedIntent(now time.Time) effect {
	switch {
	case w.outcome != nil && w.outcome.Intent == w.intent.ID:
		return effectNone
	case w.trusts(now):
		return effectApply
	case !w.lookedUp:
		return effectCheckLanded
	case w.ordered != nil && now.Sub(w.ordered.At) <= w.Policy.Verify.Deadline:
		return effectApply // no measurement led to it, and so none can tell whether it is still wanted
	case w.breaching(now) && w.lastTick.After(w.intentAt):
		return effectApply
	}
	return effectNone
}
