package watch

import (
	"fmt"
	"slices"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/rollback"
)

// This file holds the part of Next that leads from a proven breach to a rollback and its check.

// incidentOpened makes the watch Regressed, provided that the breach is still there.
func (s *step) incidentOpened(in incidentOpened) {
	w := s.watch
	switch {
	case w.State != Watching:
		return
	case w.judgement.Verdict == analyzer.Regressed:
		s.addVerdict(incident.PhaseWatch)
		s.becomeWith(Regressed, w.judgement.Reason, in.id)
	case w.ordered != nil:
		s.becomeWith(Regressed, saying(w.ordered.By, "asked for a rollback", w.ordered.Reason), in.id)
	default:
		return
	}
	if refusal := s.watch.forbidden(); refusal != nil {
		s.hold(refusal)
	}
}

// forbidden returns why the policy, the event or the lack of a person's word rules a rollback out, whatever the cluster
// looks like.
func (w Watch) forbidden() *rollback.Refusal {
	if w.Event.SchemaChange && !w.migrates() {
		return &rollback.Refusal{Code: rollback.RefuseSchemaChange,
			Reason: "the release changed the database schema, so the previous version may not run on it"}
	}
	if r := w.undecided(); !w.allowed(r) {
		return r
	}
	return nil
}

// undecided returns why a rollback is not to be begun without a person.
func (w Watch) undecided() *rollback.Refusal {
	stage := w.policyNow().stageAt(w.lastTick.Sub(w.begin()))
	switch {
	case stage.Mode == Approve:
		return &rollback.Refusal{Code: rollback.RefuseStage,
			Reason: fmt.Sprintf("policy %q asks a person in the %s stage", w.Policy.Name, stage.Name)}
	case stage.Mode != Automatic:
		return w.Policy.observed(stage.Name)
	case !w.Pin.RolledBackAt.IsZero():
		return w.cameBackBefore()
	case w.judgement.Verdict == analyzer.Regressed && w.judgement.Unproven && w.judgement.Doubt() != "":
		return &rollback.Refusal{Code: rollback.RefuseUnproven, Reason: w.judgement.Doubt()}
	case w.judgement.Verdict == analyzer.Regressed && w.judgement.Unproven:
		return &rollback.Refusal{Code: rollback.RefuseUnproven,
			Reason: fmt.Sprintf("the runbook's rule asks for it, but the evidence of all signals together is %.4g and acting without asking needs %.4g: a person must decide",
				w.judgement.Evidence, w.judgement.Required)}
	}
	return nil
}

// hold does not act: it waits for a person where one may overrule the refusal, and otherwise ends the watch.
func (s *step) hold(r *rollback.Refusal) {
	switch {
	case r.Asks() && s.watch.State == Regressed:
		s.await(r)
		return
	case r.Asks() && s.watch.State == AwaitingApproval && s.watch.leave() == nil:
		s.add(incident.Entry{Kind: incident.KindRefusal, Refusal: r}) // another reason to go on waiting
		return
	}
	s.add(incident.Entry{Kind: incident.KindRefusal, Refusal: r})
	s.refused(r)
}

// refused makes of a journalled refusal the state that it leads to.
func (s *step) refused(r *rollback.Refusal) {
	if outrun(r) {
		s.become(Superseded, r.Reason)
		return
	}
	s.become(Held, "not rolled back: "+r.Reason)
}

// outrun reports whether a refusal means that somebody else has dealt with the release already.
func outrun(r *rollback.Refusal) bool {
	switch r.Code {
	case rollback.RefuseSuperseded, rollback.RefuseWorkloadGone, rollback.RefuseTargetIsLive:
		return true
	}
	return false
}

// overdue ends a watch that was proven bad but could not be acted on in time, because the API server did not answer
// or no fresh tick came: what was true then may no longer be.
func (s *step) overdue() {
	w := s.watch
	if w.ordered != nil {
		s.waiting()
		return
	}
	if refusal := w.forbidden(); refusal != nil { // the stage has changed, or a crash came between Regressed and Held
		s.hold(refusal)
		return
	}
	if w.fresh(s.now) && w.relieved() {
		s.become(Held, "not rolled back: "+w.passed())
		return
	}
	if s.overtime(w.notBefore(w.Since), w.Policy.Verify.Deadline) {
		s.become(Held, fmt.Sprintf("not rolled back: it could not be acted on within %s%s", w.Policy.Verify.Deadline, w.hindered()))
	}
}

// passed says why a breach is not acted on that was to be.
func (w Watch) passed() string {
	if w.judgement.Verdict == analyzer.External || w.judgement.Verdict == analyzer.SickPod {
		return w.judgement.Reason
	}
	return "the breach was over before it could be acted on"
}

// planned journals the intent. It is the last look before acting: the newest tick must be recent and must still show
// the breach.
func (s *step) planned(in planned) {
	w := s.watch
	if w.State != Regressed && w.State != AwaitingApproval {
		return
	}
	refusal := w.forbidden()
	if refusal == nil {
		refusal = in.refusal
	}
	switch {
	case refusal != nil && refusal.Code == rollback.RefuseUnsettled:
		return // asked again in a moment
	case s.scalesFirst(refusal, in.scale):
		return
	case refusal != nil:
		s.hold(w.inVain(refusal))
		return
	case !w.actionable(s.now):
		return
	}
	plan, migration, err := w.withMigration(in.plan)
	if err != nil {
		s.hold(&rollback.Refusal{Code: rollback.RefuseSchemaChange, Reason: "the down-migration cannot be made from its template: " + err.Error()})
		return
	}
	if in.pin != nil {
		s.add(incident.Entry{Kind: incident.KindPinned, Pinned: in.pin})
	}
	s.add(incident.Entry{Kind: incident.KindPlan, Plan: &plan})
	s.add(incident.Entry{Kind: incident.KindIntent, Intent: &incident.Intent{ID: intentID(w.Key, s.now), Plan: plan, Migration: migration}})
	s.placing(plan)
	s.become(RollingBack, plan.Summary)
}

// intentID names an intent so that its annotation on the workload can be told from any other's.
func intentID(key string, now time.Time) string {
	return fmt.Sprintf("%s.%d", key, now.UnixMilli())
}

func (s *step) applied(in applied) {
	if s.watch.State != RollingBack {
		return
	}
	s.add(incident.Entry{Kind: incident.KindOutcome, Outcome: &incident.Outcome{
		Intent: s.watch.intent.ID, Result: in.result, Detail: in.detail,
	}})
	s.concluded(*s.watch.outcome)
}

// withdrawn drops an intent whose plan no longer holds. The refusal comes before the outcome, so that a process which is
// killed between the two, and finds the outcome, knows where it leads.
func (s *step) withdrawn(in withdrawn) {
	if s.watch.State != RollingBack {
		return
	}
	result := rollback.Failed
	if outrun(in.refusal) {
		result = rollback.Superseded
	}
	s.add(incident.Entry{Kind: incident.KindRefusal, Refusal: in.refusal})
	s.applied(applied{result: result, detail: in.refusal.Reason})
}

// concluded makes of the journalled outcome of an intent the state that it leads to.
func (s *step) concluded(o incident.Outcome) {
	switch o.Result {
	case rollback.Landed:
		s.become(Verifying, "rolled back; checking whether it helped")
	case rollback.Superseded:
		s.become(Superseded, o.Detail)
	case rollback.Outdated:
		s.become(Regressed, "to be planned anew: "+o.Detail)
	default:
		if r := s.watch.refusal; r != nil && r.Reason == o.Detail { // the cluster was not even asked
			s.refused(r)
			return
		}
		s.become(Failed, o.Detail)
	}
}

// stillDue drops an intent that is no longer trusted, once a fresh tick shows that the breach is over.
func (s *step) stillDue(t analyzer.Tick) {
	w := s.watch
	if w.ordered != nil || w.migration != nil {
		return
	}
	waited := w.lookedUp && !w.trusts(s.now)
	if waited && t.At.After(w.intentAt) && w.fresh(s.now) && w.relieved() {
		s.giveUp("the breach was over before it could be carried out")
	}
}

// breaching reports whether the newest tick is recent enough to act on and shows a proven breach.
func (w Watch) breaching(now time.Time) bool {
	return w.judgement.Verdict == analyzer.Regressed && w.fresh(now)
}

// relieved reports whether a proven breach is over on as many requests as its policy asks for to call the release bad: a handful
// of good ones, as the first after an outage are, shows nothing. A signal with too little traffic for that is left to the deadline,
// which ends the watch without a rollback too.
func (w Watch) relieved() bool {
	return over(w.judgement) && !slices.ContainsFunc(w.judgement.Signals, func(a analyzer.Assessment) bool {
		decided := w.deciding == nil || broke(*w.deciding, a.Signal)
		return decided && a.Outcome == analyzer.OutcomeOK && a.Counts.N < a.MinRequests
	})
}

// over reports whether the newest tick shows that a breach which was proven has ended, or is not the release's doing. Every signal
// must have had data, and none may wait for what is known of others: a breach that cannot be laid to anybody yet is not over.
// Neither is one that goes on after a gap in the data, as after a restart of the rollout, and has to be proven once more.
func over(j analyzer.Judgement) bool {
	if j.Verdict == analyzer.Regressed {
		return false
	}
	for _, a := range j.Signals {
		if a.Waiting() || a.Outcome == analyzer.OutcomeBreach && a.Verdict == analyzer.Insufficient {
			return false
		}
		if a.Outcome != analyzer.OutcomeOK && a.Outcome != analyzer.OutcomeBreach {
			return false
		}
	}
	return len(j.Signals) > 0
}

func (s *step) giveUp(why string) {
	s.add(incident.Entry{Kind: incident.KindOutcome, Outcome: &incident.Outcome{
		Intent: s.watch.intent.ID, Result: rollback.Failed, Detail: why,
	}})
	s.become(Held, "the rollback was dropped: "+why)
}
