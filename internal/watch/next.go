package watch

import (
	"fmt"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/rollback"
)

// unknownAfter is how long the API server must keep saying that a workload does not exist before that is final.
const unknownAfter = time.Minute

// blindGrace is how long after its end a watch may still wait for Prometheus to answer for its last ticks.
const blindGrace = time.Hour

// step is what one input leads to.
type step struct {
	watch   Watch
	now     time.Time
	actor   string
	entries []incident.Entry
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
	case superseded:
		s.superseded(in)
	case updated:
		s.add(incident.Entry{Kind: incident.KindUpdated, Updated: &in.accepted})
	case measured:
		s.measured(in)
	case baselined:
		if len(s.watch.Baselines) == 0 {
			s.add(incident.Entry{Kind: incident.KindBaseline, Baseline: in.baselines})
		}
	case incidentOpened:
		s.incidentOpened(in)
	case planned:
		s.planned(in)
	case applied:
		s.applied(in)
	case notLanded:
		s.watch.lookedUp = true
	}
}

// add appends an entry and folds it, so that what follows sees it.
func (s *step) add(e incident.Entry) {
	e.Version, e.Watch, e.At, e.Actor = incident.EntryVersion, s.watch.Key, s.now, s.actor
	s.entries = append(s.entries, e)
	s.watch = s.watch.apply(e)
}

// become changes the state. A change that the table does not know is a defect of this package: it is left undone.
func (s *step) become(to State, reason string) { s.becomeWith(to, reason, "") }

func (s *step) becomeWith(to State, reason, incidentID string) {
	if !s.watch.State.CanBecome(to) {
		return
	}
	s.add(incident.Entry{Kind: incident.KindState, State: &incident.StateChange{
		From: string(s.watch.State), To: string(to), Reason: reason, Final: to.Final(), Incident: incidentID,
	}})
}

func (s *step) clock() {
	w := s.watch
	switch w.State {
	case Watching:
		if s.now.Sub(w.Pin.T0) > w.Policy.end()+blindGrace {
			s.become(Inconclusive, "Prometheus did not answer for the end of the watch within an hour after it")
		}
	case Regressed:
		s.overdue()
	case Verifying:
		if w.restoredRollout.IsZero() && s.now.Sub(w.LandedAt) > w.Policy.Verify.Deadline {
			s.become(NotRecovered, fmt.Sprintf("the rollout of the known-good version was not complete after %s", w.Policy.Verify.Deadline))
		} else if !w.restoredRollout.IsZero() && s.now.Sub(w.restoredRollout) > w.Policy.Verify.Deadline+2*w.Policy.scrape()+w.Policy.Stages[0].Interval {
			s.verifyDeadline()
		}
	case RollingBack:
		if s.now.Sub(w.intentAt) > intentTrusted && w.lookedUp && s.now.Sub(w.intentAt) > w.Policy.Verify.Deadline {
			s.giveUp("it could not be carried out within " + w.Policy.Verify.Deadline.String())
		}
	}
}

func (s *step) missing(in missing) {
	if s.now.Sub(in.since) < unknownAfter {
		return
	}
	switch s.watch.State {
	case Pending:
		s.become(Inconclusive, fmt.Sprintf("the cluster has no Deployment %q in namespace %q", s.watch.Event.Workload, s.watch.Event.Namespace))
	case Watching:
		s.become(Inconclusive, "the workload was deleted")
	}
}

func (s *step) superseded(in superseded) {
	reason := fmt.Sprintf("version %s was deployed", in.by.Version)
	switch s.watch.State {
	case Pending, Watching, Regressed:
		s.become(Superseded, reason)
	}
}

func (s *step) observed(in observed) {
	switch s.watch.State {
	case Pending:
		s.settle(in)
	case Watching, Regressed:
		s.progress(in.snapshot)
		if why, gone := s.watch.replacedBy(in.snapshot); gone {
			s.become(Superseded, why)
		}
	case Verifying:
		s.restored(in.snapshot)
	}
}

func (s *step) settle(in observed) {
	w := s.watch
	release, t0, ok, why := rollback.Settle(in.snapshot, w.Event.Version)
	if !ok {
		if s.now.Sub(w.AcceptedAt) > w.Policy.SettleFor {
			s.become(Inconclusive, fmt.Sprintf("the announced version was not live within %s: %s", w.Policy.SettleFor, why))
		}
		return
	}
	pin := rollback.NewPin(in.snapshot, release, t0, in.past, w.Policy.MinServing)
	s.add(incident.Entry{Kind: incident.KindPinned, Pinned: &pin})
	s.become(Watching, fmt.Sprintf("version %s is live", w.Event.Version))
	if pin.Target == nil {
		s.add(incident.Entry{Kind: incident.KindRefusal, Refusal: &rollback.Refusal{Code: rollback.RefuseNoTarget, Reason: pin.NoTarget}})
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

// replacedBy reports whether the workload no longer runs the release that is being judged. A restart of the rollout
// or a change of labels and annotations leaves its containers as they are, and the watch with it.
func (w Watch) replacedBy(snapshot rollback.Snapshot) (string, bool) {
	if snapshot.UID != w.Pin.WorkloadUID {
		return "the workload was deleted and made again", true
	}
	if rollback.ContainersEqual(snapshot.Template, w.Pin.Release.Template) {
		return "", false
	}
	if w.Pin.Target != nil && rollback.ContainersEqual(snapshot.Template, w.Pin.Target.Template) {
		return "somebody rolled it back by hand", true
	}
	return "another version was deployed in its place", true
}

// restored notes when the rollback's rollout is complete, from when on it can be measured whether it helped.
func (s *step) restored(snapshot rollback.Snapshot) {
	if !rollback.ContainersEqual(snapshot.Template, s.watch.intent.Plan.ToTemplate) {
		s.become(RolledBackUnverified, "the workload was changed again before it could be told whether the rollback helped")
		return
	}
	if !s.watch.restoredRollout.IsZero() {
		return
	}
	message, done, err := rollback.RolloutStatus(snapshot)
	if err != nil || !done {
		return
	}
	s.add(incident.Entry{Kind: incident.KindRollout, Rollout: &incident.RolloutProgress{
		Phase: incident.PhaseVerify, Message: message, Done: true, CompletedAt: s.now.Truncate(time.Second),
	}})
}

func (s *step) measured(in measured) {
	for _, t := range in.ticks {
		s.tick(in.phase, t)
	}
}

func (s *step) tick(phase incident.Phase, t analyzer.Tick) {
	verifying := s.watch.State == Verifying
	if s.watch.State.Final() || verifying != (phase == incident.PhaseVerify) || s.watch.seen(phase, t) {
		return
	}
	before := s.watch.verdictOf(phase)
	s.add(incident.Entry{Kind: incident.KindTick, Tick: &incident.Tick{Phase: phase, Tick: t}})
	if after := s.watch.verdictOf(phase); after != before && !(phase == incident.PhaseWatch && after == analyzer.Regressed) {
		s.addVerdict(phase)
	}
	switch s.watch.State {
	case Watching:
		s.endOfWatch(t)
	case Regressed:
		s.overdue()
	case RollingBack:
		s.stillDue(t)
	case Verifying:
		s.verify(t)
	}
}

// seen reports whether a tick was folded before: ticks that were measured twice count once.
func (w Watch) seen(phase incident.Phase, t analyzer.Tick) bool {
	if phase == incident.PhaseVerify {
		return !t.At.After(w.lastVerify)
	}
	return !t.At.After(w.lastTick)
}

func (w Watch) verdictOf(phase incident.Phase) analyzer.Verdict {
	if phase == incident.PhaseVerify {
		return w.recovery.Verdict
	}
	return w.judgement.Verdict
}

func (s *step) addVerdict(phase incident.Phase) {
	w := s.watch
	j, pin := w.judgement, w.Pin.Release
	if phase == incident.PhaseVerify {
		j, pin = w.recovery, *w.Pin.Target
	}
	s.add(incident.Entry{Kind: incident.KindVerdict, Verdict: &incident.Verdict{
		Phase: phase, Verdict: j.Verdict, Reason: j.Reason, Signals: j.Signals, Queries: w.queries(pin.PodPrefix),
	}})
}

// queries are what a person can paste into Prometheus to see what was judged.
func (w Watch) queries(podPrefix string) map[string]string {
	out := make(map[string]string, len(w.Policy.Signals))
	for _, sig := range w.Policy.Signals {
		if q, err := analyzer.Query(sig, w.Event.Namespace, podPrefix, sig.Rule.Window); err == nil {
			out[sig.Name] = q
		}
	}
	return out
}

// endOfWatch ends a watch whose last stage is over.
func (s *step) endOfWatch(t analyzer.Tick) {
	w := s.watch
	if t.At.Sub(w.Pin.T0) < w.Policy.end() || w.judgement.Verdict == analyzer.Regressed {
		return
	}
	if w.judgement.Verdict == analyzer.Healthy {
		s.become(Healthy, fmt.Sprintf("watched for %s: %s", w.Policy.end(), w.judgement.Reason))
		return
	}
	s.become(Inconclusive, fmt.Sprintf("watched for %s: %s", w.Policy.end(), w.judgement.Reason))
}
