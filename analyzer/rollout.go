package analyzer

import (
	"cmp"
	"fmt"
	"time"
)

// Rollout is what the cluster says of a release at the end of a tick.
type Rollout struct {
	Release PodCounts `json:"release"`
	// Old are the pods of the version that the release replaces.
	Old PodCounts `json:"old,omitzero"`
	// Overdue is set when the rollout has made no progress within the Deployment's own deadline.
	Overdue bool `json:"overdue,omitempty"`
}

// PodCounts counts the live pods of one version.
type PodCounts struct {
	Pods  int `json:"pods"`
	Ready int `json:"ready"`
	// Crashing pods crash again and again; Restarts are those of the pod with the most of them.
	Crashing int `json:"crashing,omitempty"`
	Restarts int `json:"restarts,omitempty"`
	// Unpullable pods lack an image, and no node has room for Unplaced ones.
	Unpullable int `json:"unpullable,omitempty"`
	Unplaced   int `json:"unplaced,omitempty"`
}

// Health says for how long the cluster may show a release's pods in a bad way.
type Health struct {
	// Failing is how long most of them may crash or lack their image; zero means a minute. It is never less than three ticks.
	Failing time.Duration `json:"failing,omitempty"`
	// NotReady is how long most of them may be not ready; zero means ten minutes.
	NotReady time.Duration `json:"notReady,omitempty"`
}

func (h Health) failing() time.Duration  { return cmp.Or(h.Failing, time.Minute) }
func (h Health) notReady() time.Duration { return cmp.Or(h.NotReady, 10*time.Minute) }

// noPods says of a release's pods that there are none.
const noPods = "no pods"

// rolloutState is what the judge remembers of whether a release gets to serve.
type rolloutState struct {
	// silent is for how long the release has reported nothing while the old version served.
	silent time.Duration
	since  time.Time
	// failing and unready are for how long most of the release's pods have been so.
	failing, unready hold
}

// stepRollout folds one tick. The cluster comes first: it says why a release does not serve. What it does not show counts
// for nothing, as in a replay of Prometheus' history.
func stepRollout(r Rules, sig Signal, st rolloutState, t Tick) (rolloutState, Assessment, claim) {
	a := newAssessment(sig, Baseline{}, t)
	st, found := st.look(sig, t.Signals[sig.Name].Rollout, t)
	spoke, served := reports(r, t)
	switch {
	case found.verdict != "":
		st.silent, st.since = 0, time.Time{} // it is known why it is silent
		return st, found.assess(a), claim{sustained: found.verdict == Regressed}
	case spoke:
		st.silent, st.since = 0, time.Time{}
		a.Outcome, a.Verdict, a.Reason = OutcomeOK, Healthy, "the release's pods report"
		return st, a, claim{}
	case !served && found.ready != "" && !r.fromMetrics():
		a.Outcome, a.Verdict, a.Reason = OutcomeOK, Healthy, found.ready
		return st, a, claim{}
	case !served:
		st.silent, st.since = 0, time.Time{}
		a.Outcome, a.Verdict, a.Reason = OutcomeNoData, NoData, "neither the release nor the old version is seen serving"
		if r := t.Signals[sig.Name].Rollout; r != nil && r.Release.Pods == 0 && r.Old.Pods == 0 {
			a.Pods, a.Reason = noPods, "the release has no pod, as where it is scaled to zero, and neither has the old version"
		}
		return st, a, claim{}
	}
	return st.silence(sig, a, t)
}

// silence counts how long the release says nothing. New pods that report nothing while the old version goes on serving are a
// release that does not get to serve: in a third of the faulty releases of one real collection that was all there was to see
// (detector.md 2.2). Telemetry that is missing everywhere says nothing.
func (st rolloutState) silence(sig Signal, a Assessment, t Tick) (rolloutState, Assessment, claim) {
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

// reports tells whether the release and the old version report in a tick.
func reports(r Rules, t Tick) (spoke, served bool) {
	for _, other := range r.Signals {
		m := t.Signals[other.Name]
		spoke = spoke || m.Samples > 0 && !other.byTime()
		served = served || m.Control.N > 0
	}
	return spoke, served
}

// fromMetrics reports whether any signal is measured by series.
func (r Rules) fromMetrics() bool {
	for _, sig := range r.Signals {
		if sig.FromMetrics() {
			return true
		}
	}
	return false
}
