package watch

import (
	"fmt"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/rollback"
)

// This file holds when a rollout is stopped on suspicion, before anything is proven.
//
// To stop a rollout wrongly costs the deployment a few minutes, and no user anything, so that less is asked than for a
// rollback. An e-value of 20 is reached by a healthy release with a probability of 1/20 at the most over the whole watch: one
// good deployment of twenty may be held up, once. It is also from where on a breach is shown to a person. The runbook's rule
// knows no evidence; where it has been in breach for half of its time, half of the time in which the rollout would go on is
// saved. Neither counts unless the newest tick is in breach: what an earlier one showed is no reason to stop now.

const (
	// pauseEvidence is the evidence from which on a rollout is stopped.
	pauseEvidence = 20
	// pauseFor is how long it stays stopped at the most.
	pauseFor = 5 * time.Minute
)

// suspected says why a judgement speaks against letting a rollout go on; empty if it does not. What is excused as not the
// release's doing does not.
func suspected(j analyzer.Judgement) string {
	if j.Verdict == analyzer.External || j.Verdict == analyzer.SickPod {
		return ""
	}
	for _, a := range j.Signals {
		switch {
		case a.Outcome != analyzer.OutcomeBreach || a.Verdict == analyzer.External || a.Verdict == analyzer.SickPod:
		case a.Verdict == analyzer.Regressed:
			return a.Signal + ": " + a.Reason
		case a.Evidence >= pauseEvidence && j.Evidence >= pauseEvidence:
			return fmt.Sprintf("%s: the evidence against it is %.3g, and a rollout is stopped from %d on", a.Signal, j.Evidence, pauseEvidence)
		case a.Required > 0 && a.Held >= a.Required/2:
			return fmt.Sprintf("%s: in breach for %.0f s, half of the %.0f s that the rule asks for", a.Signal, a.Held, a.Required)
		}
	}
	return ""
}

// pausable reports whether the watch is to stop its rollout now, as far as it knows itself: the rolling update of a
// Deployment that is still going on, on a fresh tick that gives reason to, once. While a stage only observes, nothing is
// changed at all.
func (w Watch) pausable(now time.Time) bool {
	return w.Policy.PauseAtSuspicion && w.Pause == nil && w.onTrial() && w.CompletedAt.IsZero() &&
		w.canary() == nil && w.blueGreen() == nil && w.workload().Kind == rollback.KindDeployment &&
		w.policyNow().stageAt(w.lastTick.Sub(w.begin())).Mode != Observe &&
		w.fresh(now) && w.lastTick.After(w.pauseRefused) && suspected(w.judgement) != ""
}

// onTrial reports whether nothing is decided yet about the release, or a person is to decide.
func (w Watch) onTrial() bool {
	return w.Pin != nil && w.leave() == nil && (w.State == Watching || w.State == AwaitingApproval)
}
