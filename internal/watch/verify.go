package watch

import (
	"fmt"
	"slices"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/incident"
)

// verify ends the watch when the signals are back within their limits for long enough, or still bad for long enough.
func (s *step) verify() {
	w := s.watch
	if w.lastVerify.IsZero() || w.unmigrated() != nil {
		return
	}
	switch {
	case w.recovery.Verdict == analyzer.Regressed:
		s.become(NotRecovered, w.recovery.Reason)
	case !w.recoveredSince.IsZero() && w.lastVerify.Sub(w.wellSince()) >= w.Policy.Verify.For && w.recovery.Verdict == analyzer.Healthy:
		s.become(RolledBack, fmt.Sprintf("the rollback helped: %s, since %s", w.relief(), w.recoveredSince.UTC().Format(time.TimeOnly)))
	case w.lastVerify.Sub(w.verifyingSince()) >= w.Policy.Verify.Deadline:
		s.verifyDeadline()
	}
}

// relief says how the signal that the release broke is doing now; the others were never the matter.
func (w Watch) relief() string {
	for _, now := range w.recovery.Signals {
		if w.deciding != nil && broke(*w.deciding, now.Signal) {
			return now.Signal + ": " + now.Reason
		}
	}
	return w.recovery.Reason
}

// broke reports whether the verdict was brought about by this signal.
func broke(v incident.Verdict, signal string) bool {
	return slices.ContainsFunc(v.Signals, func(a analyzer.Assessment) bool {
		return a.Signal == signal && a.Verdict == analyzer.Regressed
	})
}

func (s *step) verifyDeadline() {
	w := s.watch
	for _, a := range w.recovery.Signals {
		if a.Outcome == analyzer.OutcomeBreach {
			s.become(NotRecovered, w.recovery.Reason)
			return
		}
	}
	why := w.recovery.Reason
	if why == "" {
		why = "Prometheus gave no answer"
	}
	s.become(RolledBackUnverified, fmt.Sprintf("rolled back, but whether it helped could not be told within %s: %s", w.Policy.Verify.Deadline, why))
}
