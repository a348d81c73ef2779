package watch

import (
	"fmt"
	"time"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/rollback"
)

// unknownAfter is how long the API server must keep saying that a workload does not exist before that is final.
const unknownAfter = time.Minute

// step is what one input leads to.
type step struct {
	watch   Watch
	now     time.Time
	actor   string
	entries []incident.Entry
	// terse is set where the journal has refused what was to be added: no more than what ends the watch is then.
	terse bool
}

// Next derives what follows from an input: the watch after it, the entries to append in order, and the effect wanted
// next. It is pure; actor is who the entries name as their author.
func Next(w Watch, in input, actor string, now time.Time) (Watch, []incident.Entry, effect) {
	s := &step{watch: w, now: now, actor: actor}
	if !w.State.Final() {
		s.take(in)
	}
	return s.watch, s.entries, s.watch.wanted(now)
}

func (s *step) take(in input) {
	switch in := in.(type) {
	case clock:
		s.clock()
	case observed:
		s.clock()
		s.observed(in)
	case missing:
		s.missing(in)
	case unreadable:
		s.unreadable(in)
	case superseded:
		s.superseded(in)
	case updated:
		s.updated(in)
	case stepped:
		s.stepped(in)
	case measured:
		s.measured(in)
	case baselined:
		if len(s.watch.Baselines) == 0 {
			s.add(incident.Entry{Kind: incident.KindBaseline, Baseline: in.baselines})
		}
	case incidentOpened:
		s.incidentOpened(in)
	case asked:
		s.asked(in)
	case planned:
		s.planned(in)
	case applied:
		s.applied(in)
	case scaled:
		s.scaled(in)
	case withdrawn:
		s.withdrawn(in)
	case notLanded:
		s.watch.lookedUp = true
	case jobSeen:
		s.jobSeen(in)
	case ownersHeld:
		s.ownersHeld(in)
	case unsure:
		s.watch.lookedUp = false
	case pausePlanned:
		s.pausePlanned(in)
	case pauseTried:
		s.pauseTried(in)
	case pauseEnded:
		s.pauseEnded(in)
	case pauseStuck:
		s.watch.resumeTried = s.now
	}
}

// add appends an entry and folds it, so that what follows sees it.
func (s *step) add(e incident.Entry) { s.addAs(s.actor, e) }

// addAs appends an entry that tells what somebody did.
func (s *step) addAs(actor string, e incident.Entry) {
	e.Version, e.Watch, e.At, e.Actor = incident.EntryVersion, s.watch.Key, s.now, actor
	s.entries = append(s.entries, e)
	s.watch = s.watch.apply(e)
}

// tooLarge ends a watch whose next entry the journal will never take: what cannot be recorded is not acted on.
func tooLarge(w Watch, cause error, actor string, now time.Time) (Watch, []incident.Entry, effect) {
	s := &step{watch: w, now: now, actor: actor, terse: true}
	reason := fmt.Sprintf("it cannot be recorded, and so is not acted on: %v", cause)
	switch w.State {
	case Regressed, AwaitingApproval, RollingBack:
		s.become(Held, reason)
	case Verifying:
		s.become(RolledBackUnverified, reason)
	default:
		s.become(Inconclusive, reason)
	}
	return s.watch, s.entries, effectNone
}

// become changes the state. A change that the table does not know is a defect of this package: it is left undone.
func (s *step) become(to State, reason string) { s.becomeWith(to, reason, "") }

func (s *step) becomeWith(to State, reason, incidentID string) {
	if !s.watch.State.CanBecome(to) {
		return
	}
	if to.Final() {
		s.closing()
	}
	reason += s.watch.migrationNote(to)
	change := incident.StateChange{From: string(s.watch.State), To: string(to), Reason: reason, Final: to.Final(), Incident: incidentID}
	if to == AwaitingApproval {
		change.Until = s.now.Add(s.watch.approvalFor()).UTC()
	}
	s.add(incident.Entry{Kind: incident.KindState, State: &change})
}

// updated takes over the second event of a pair, once.
func (s *step) updated(in updated) {
	if e, err := event.Decode(in.accepted.Subject, in.accepted.Event); err == nil && !s.watch.sameEvent(e) {
		s.add(incident.Entry{Kind: incident.KindUpdated, Updated: &in.accepted})
	}
}

func (s *step) missing(in missing) {
	if s.now.Sub(in.since) < unknownAfter {
		return
	}
	switch s.watch.State {
	case Pending:
		s.become(Inconclusive, fmt.Sprintf("the cluster has no %s %q in namespace %q", s.watch.workload().Kind, s.watch.workload().Name, s.watch.Event.Namespace))
	case Watching:
		s.become(Inconclusive, "the workload was deleted")
	case AwaitingApproval:
		s.become(Superseded, "the workload was deleted")
	case Verifying:
		s.become(RolledBackUnverified, "the workload was deleted before it could be told whether the rollback helped")
	}
}

// unreadable ends a watch that waits for something which it may not see. Unlike an API server that is away, one that
// answers and forbids will go on to do so until somebody changes that, and nobody would know that they should.
func (s *step) unreadable(in unreadable) {
	if w := s.watch; w.State == Pending && s.now.Sub(in.since) > w.Policy.SettleFor {
		s.become(Inconclusive, fmt.Sprintf("the API server has not let rollbackd read the workload for %s: %s", w.Policy.SettleFor, in.words))
		return
	}
	s.clock()
}

// superseded ends the watch, unless a rollback is under way: the cluster decides then which of the two came first.
func (s *step) superseded(in superseded) {
	reason := fmt.Sprintf("version %s was deployed", in.by.Version)
	switch s.watch.State {
	case Pending, Watching, Regressed, AwaitingApproval:
		s.become(Superseded, reason)
	case Verifying:
		s.become(RolledBackUnverified, reason+" before it could be told whether the rollback helped")
	default:
		s.clock()
	}
}

func (s *step) observed(in observed) {
	switch s.watch.State {
	case Pending:
		s.settle(in)
	case Watching, Regressed, AwaitingApproval:
		s.progress(in.snapshot)
		s.restarted(in.snapshot)
		if why, gone := s.watch.replacedBy(in.snapshot); gone {
			s.become(Superseded, why)
		}
	case Verifying:
		s.restored(in.snapshot)
	}
}

func (s *step) settle(in observed) {
	w := s.watch
	if refusal := w.forbiddenClaim(in.snapshot); refusal != nil {
		s.become(Inconclusive, "not watched: "+refusal.Reason)
		return
	}
	release, t0, ok, why := rollback.Settle(in.snapshot, w.Event.Version)
	if other := w.notTheDrill(in.snapshot); ok && other != "" {
		ok, why = false, other
	}
	if !ok {
		if s.overtime(w.settling()) {
			s.become(Inconclusive, w.neverLive()+": "+why)
		}
		return
	}
	if why := w.untold(release); why != "" {
		s.become(Inconclusive, "not watched: "+why)
		return
	}
	if in.watchedBy != "" {
		s.become(Superseded, fmt.Sprintf("announced again: version %s has been watched since before, by %s", w.Event.Version, in.watchedBy))
		return
	}
	pin := rollback.NewPin(in.snapshot, release, t0, in.past, w.Policy.MinServing)
	s.add(incident.Entry{Kind: incident.KindPinned, Pinned: &pin})
	s.flag(in.freezes, t0)
	s.lookAgain(in.past)
	s.become(Watching, fmt.Sprintf("version %s is live", w.Event.Version))
	if pin.Target == nil {
		s.add(incident.Entry{Kind: incident.KindRefusal, Refusal: &rollback.Refusal{Code: rollback.RefuseNoTarget, Reason: pin.NoTarget}})
	} else if refusal := s.watch.cameBackBefore(); refusal != nil {
		s.add(incident.Entry{Kind: incident.KindRefusal, Refusal: refusal})
	}
	s.progress(in.snapshot)
}

// progress notes when the deployment's own rollout is complete.
func (s *step) progress(snapshot rollback.Snapshot) {
	if !s.watch.CompletedAt.IsZero() {
		return
	}
	message, done, err := rollback.RolloutStatus(snapshot)
	if err != nil || !done {
		return
	}
	at := rollback.CompletedAt(snapshot)
	if at.IsZero() || at.Before(s.watch.Pin.T0) {
		at = s.now
	}
	s.add(incident.Entry{Kind: incident.KindRollout, Rollout: &incident.RolloutProgress{
		Phase: incident.PhaseWatch, Message: message, Done: true, CompletedAt: at,
	}})
}

// restarted follows a release to the pods that it has after a restart of its rollout.
func (s *step) restarted(snapshot rollback.Snapshot) {
	if pin, ok := s.watch.Pin.Restarted(snapshot); ok {
		s.add(incident.Entry{Kind: incident.KindPinned, Pinned: &pin})
	}
}

// replacedBy reports whether the workload no longer runs the release that is being judged. A restart of the rollout
// or a change of labels and annotations leaves its containers as they are, and the watch with it.
func (w Watch) replacedBy(snapshot rollback.Snapshot) (string, bool) {
	if snapshot.UID != w.Pin.WorkloadUID {
		return "the workload was deleted and made again", true
	}
	if why, gone := w.switchedAway(snapshot); gone {
		return why, true
	}
	if why, gone := w.canaryGone(snapshot); gone {
		return why, true
	}
	if rollback.ContainersEqual(snapshot.Template, w.Pin.Release.Template) {
		return "", false
	}
	if w.Pin.Target != nil && rollback.ContainersEqual(snapshot.Template, w.Pin.Target.Template) {
		return "somebody rolled it back by hand", true
	}
	return replacedByAnother, true
}

// replacedByAnother is why a watch ends whose workload runs something new that no event told of, yet or at all.
const replacedByAnother = "another version was deployed in its place"

// changedAgain reports whether the workload no longer runs what the rollback put there.
func (w Watch) changedAgain(snapshot rollback.Snapshot) (string, bool) {
	switch {
	case snapshot.UID != w.Pin.WorkloadUID:
		return "the workload was deleted and made again", true
	case w.Pin.Switch != nil:
		return w.switchedOn(snapshot)
	case w.scaledToZero():
		return "the canary was scaled up again", snapshot.Replicas > 0
	case !rollback.ContainersEqual(snapshot.Template, w.intent.Plan.ToTemplate):
		return "the workload was changed again", true
	}
	return "", false
}

// contradicts reports whether the workload, as shown, would end the watch.
func (w Watch) contradicts(snapshot rollback.Snapshot) bool {
	switch w.State {
	case Pending:
		return w.forbiddenClaim(snapshot) != nil
	case Watching, Regressed, AwaitingApproval:
		_, gone := w.replacedBy(snapshot)
		return gone
	case Verifying:
		_, changed := w.changedAgain(snapshot)
		return changed
	}
	return false
}

// restored notes when the rollback's rollout is complete, from when on it can be measured whether it helped.
func (s *step) restored(snapshot rollback.Snapshot) {
	if s.watch.Pin.CameBack(snapshot) {
		s.cameBackWhileVerifying(snapshot)
		return
	}
	if why, changed := s.watch.changedAgain(snapshot); changed {
		s.become(RolledBackUnverified, why+" before it could be told whether the rollback helped")
		return
	}
	if !s.watch.restoredRollout.IsZero() {
		return
	}
	s.watch.stuck = rollback.Stuck(snapshot)
	message, done, err := rollback.RolloutStatus(snapshot)
	if err != nil || !done {
		return
	}
	s.add(incident.Entry{Kind: incident.KindRollout, Rollout: &incident.RolloutProgress{
		Phase: incident.PhaseVerify, Message: message, Done: true, CompletedAt: s.now.Truncate(time.Second),
	}})
}
