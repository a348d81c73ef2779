package watch

import (
	"fmt"
	"time"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/rollback"
)

// This file holds what happens when a version that was rolled back is there again: nothing, but that people are told.
// Whoever put it back would do so once more.

// cameBackBy journals that the release is back, with who put it there.
func (s *step) cameBackBy(snapshot rollback.Snapshot) {
	s.add(incident.Entry{Kind: incident.KindCameBack, CameBack: &incident.CameBack{By: snapshot.LastWriter()}})
}

// cameBackWhileVerifying ends the check of a rollback that did not last.
func (s *step) cameBackWhileVerifying(snapshot rollback.Snapshot) {
	s.cameBackBy(snapshot)
	s.endAfterComeback()
}

func (s *step) endAfterComeback() {
	s.become(RolledBackUnverified, s.watch.CameBack.String()+" before it could be told whether the rollback helped; it is not rolled back again")
}

// cameBackBefore refuses to act by itself on a release that was rolled back earlier.
func (w Watch) cameBackBefore() *rollback.Refusal {
	if w.Pin.RolledBackAt.IsZero() {
		return nil
	}
	return &rollback.Refusal{Code: rollback.RefuseCameBack,
		Reason: fmt.Sprintf("the same containers were rolled back at %s and have been deployed again; what becomes of them is for a person to say",
			w.Pin.RolledBackAt.UTC().Format(time.RFC3339))}
}

// looksBack reports whether it is still looked whether the release comes back after the watch has ended.
func (w Watch) looksBack(now time.Time) bool {
	switch w.State {
	case RolledBack, RolledBackUnverified, NotRecovered:
		return w.Pin != nil && w.CameBack == nil && now.Before(w.Since.Add(w.Policy.Verify.GuardFor))
	}
	return false
}

// guarded reports whether there is anything left to look after once the watch has ended.
func (w Watch) guarded(now time.Time) bool {
	return w.State.Final() && (w.holdOpen() || w.looksBack(now) || w.Pause.open())
}

// replacedByEvent reports whether the watch of a newer event stands for another release than this one's.
func (w Watch) replacedByEvent(newer Watch) bool {
	if newer.Pin != nil && w.Pin != nil {
		return !rollback.ContainersEqual(newer.Pin.Release.Template, w.Pin.Release.Template)
	}
	return newer.Event.Status == event.StatusSuccess && newer.Event.Version != w.Event.Version
}

// guardStep is Next for a watch that has ended.
func guardStep(w Watch, actor string, now time.Time) *step {
	return &step{watch: w, now: now, actor: actor}
}

// seen notes a release that came back.
func (s *step) seen(snapshot rollback.Snapshot) {
	if s.watch.looksBack(s.now) && s.watch.Pin.CameBack(snapshot) {
		s.cameBackBy(snapshot)
	}
}

// stuckAfter is how long it may take to undo a hold until a person is told.
const stuckAfter = 10 * time.Minute

// notLetGo notes a hold that could not be undone for long, once.
func (s *step) notLetGo(since time.Time, words string) {
	if s.watch.OwnerHold != incident.HoldStuck && s.now.Sub(since) >= stuckAfter {
		s.addHold(incident.HoldStuck, words)
	}
}
