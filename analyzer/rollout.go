package analyzer

import (
	"fmt"
	"time"
)

// rolloutState is what the judge remembers of whether a release gets to serve.
type rolloutState struct {
	// silent is for how long the release has reported nothing while the old version served.
	silent time.Duration
	since  time.Time
	spoke  bool
}

// stepRollout folds one tick. New pods that report nothing while the old version goes on serving are a release that does not
// get to serve: in a third of the faulty releases of one real collection that was all there was to see (detector.md 2.2).
// Telemetry that is missing everywhere says nothing.
func stepRollout(r Rules, sig Signal, st rolloutState, t Tick) (rolloutState, Assessment, claim) {
	a := newAssessment(sig, Baseline{}, t)
	spoke, served := false, false
	for _, other := range r.Signals {
		m := t.Signals[other.Name]
		spoke = spoke || m.Samples > 0 && !other.byTime()
		served = served || m.Control.N > 0
	}
	switch {
	case spoke:
		st = rolloutState{spoke: true}
		a.Outcome, a.Verdict, a.Reason = OutcomeOK, Healthy, "the release's pods report"
		return st, a, claim{}
	case !served:
		st.silent, st.since = 0, time.Time{}
		a.Outcome, a.Verdict, a.Reason = OutcomeNoData, NoData, "neither the release nor the old version is seen serving"
		return st, a, claim{}
	}
	if st.since.IsZero() {
		st.since = t.From
	}
	st.silent += t.At.Sub(t.From)
	a.Outcome, a.Verdict, a.Since, a.Held = OutcomeBreach, Insufficient, st.since, st.silent.Seconds()
	a.Reason = fmt.Sprintf("the release has reported nothing for %s while the old version goes on serving; it is given %s", st.silent, sig.Rule.For)
	if st.silent > sig.Rule.For {
		a.Verdict = Regressed
		return st, a, claim{sustained: true}
	}
	return st, a, claim{}
}
