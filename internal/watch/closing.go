package watch

import (
	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/incident"
)

// This file has the journal hold the newest numbers where a watch, or a stage of it, ends. A verdict is journalled when it changes; one that stays
// the same for a day would leave in the record what was measured when it was first come to.

// closing journals the newest judgement of a watch that is about to end, unless it is journalled already.
func (s *step) closing() {
	w := s.watch
	switch {
	case s.terse:
	case w.State == Verifying:
		if w.lastVerify.After(w.checkedAt) && len(w.recovery.Signals) > 0 {
			s.addVerdict(incident.PhaseVerify)
		}
	case w.judgement.Verdict == analyzer.Regressed: // what was decided on is journalled when it is decided
	case w.lastTick.After(w.judgedAt) && len(w.judgement.Signals) > 0:
		s.addVerdict(incident.PhaseWatch)
	}
}

// closeStage journals the newest judgement where a stage ends without an answer.
func (s *step) closeStage(before Watch) {
	w := s.watch
	if w.State != Watching || before.lastTick.Before(w.begin()) || w.judgement.Verdict == analyzer.Healthy {
		return
	}
	p := w.policyNow()
	if p.stageAt(before.lastTick.Sub(w.begin())).Name != p.stageAt(w.lastTick.Sub(w.begin())).Name {
		s.closing()
	}
}

// applyVerdict notes up to which tick the journal holds what was judged.
func (w Watch) applyVerdict(v incident.Verdict) Watch {
	if v.Phase == incident.PhaseVerify {
		w.checkedAt = w.lastVerify
	} else {
		w.judgedAt = w.lastTick
	}
	return w
}
