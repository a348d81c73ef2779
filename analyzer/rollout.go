package analyzer

import (
	"cmp"
	"fmt"
	"math"
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
	// silent is for how long the release has reported nothing, or has answered nothing from the start, while the old version
	// served; beside is what that has answered meanwhile.
	silent time.Duration
	since  time.Time
	beside uint64
	// idle says that its pods report, and began that it has answered a request.
	idle, began bool
	// failing and unready are for how long most of the release's pods have been so.
	failing, unready hold
}

// stepRollout folds one tick. The cluster comes first: it says why a release does not serve. What it does not show counts
// for nothing, as in a replay of Prometheus' history.
func stepRollout(r Rules, sig Signal, st rolloutState, t Tick) (rolloutState, Assessment, claim) {
	a := newAssessment(sig, Baseline{}, t)
	st, found := st.look(sig, t.Signals[sig.Name].Rollout, t)
	spoke, served := reports(r, t)
	st.began, st.idle = st.began || served.release > 0, spoke
	switch {
	case found.verdict != "":
		// it is known why it is silent
		return st.heard(), found.assess(a), claim{sustained: found.verdict == Regressed}
	case spoke && (st.began || served.old == 0):
		st = st.heard()
		a.Outcome, a.Verdict, a.Reason = OutcomeOK, Healthy, "the release's pods report"
		return st, a, claim{}
	case served.old == 0 && found.ready != "" && !r.fromMetrics():
		a.Outcome, a.Verdict, a.Reason = OutcomeOK, Healthy, found.ready
		return st, a, claim{}
	case served.old == 0:
		st = st.heard()
		a.Outcome, a.Verdict, a.Reason = OutcomeNoData, NoData, "neither the release nor the old version is seen serving"
		if r := t.Signals[sig.Name].Rollout; r != nil && r.Release.Pods == 0 && r.Old.Pods == 0 {
			a.Pods, a.Reason = noPods, "the release has no pod, as where it is scaled to zero, and neither has the old version"
		}
		return st, a, claim{}
	}
	st.beside += served.old
	return st.silence(r, sig, a, t)
}

// heard ends a silence.
func (st rolloutState) heard() rolloutState {
	st.silent, st.since, st.beside = 0, time.Time{}, 0
	return st
}

// dueShare is the part of the requests that a release is taken to be due beside the old version.
const dueShare = 1. / 20

// silence counts how long the release says nothing. New pods that report nothing while the old version goes on serving are a
// release that does not get to serve: in a third of the faulty releases of one real collection that was all there was to see
// (detector.md 2.2). Pods whose counters are there from the start, at zero, show the same. Telemetry that is missing everywhere
// says nothing, and neither does what the old version answers where that is so little that chance may have kept all of it from
// the release.
func (st rolloutState) silence(r Rules, sig Signal, a Assessment, t Tick) (rolloutState, Assessment, claim) {
	if st.since.IsZero() {
		st.since = t.From
	}
	st.silent += t.At.Sub(t.From)
	did := "reported nothing"
	if st.idle {
		did = "answered no request"
	}
	a.Outcome, a.Verdict, a.Since, a.Held = OutcomeBreach, Insufficient, st.since, st.silent.Seconds()
	a.Reason = fmt.Sprintf("the release has %s for %s while the old version goes on serving; it is given %s", did, st.silent, sig.Rule.For)
	if st.silent <= sig.Rule.For {
		return st, a, claim{}
	}
	if chance := float64(st.beside) * math.Log1p(-dueShare); chance > -math.Log(r.required()) {
		a.Reason += fmt.Sprintf("; but that answered %d requests meanwhile, of which by chance none may have been the release's", st.beside)
		return st, a, claim{}
	}
	a.Verdict = Regressed
	return st, a, claim{sustained: true}
}

// servings are how many requests either version answered in a tick, by the signal that saw the most.
type servings struct{ release, old uint64 }

// reports tells whether the release reports in a tick, and what it and the old version answered.
func reports(r Rules, t Tick) (spoke bool, served servings) {
	for _, other := range r.Signals {
		m := t.Signals[other.Name]
		served.old = max(served.old, m.Control.N)
		if !other.byTime() {
			spoke = spoke || m.Samples > 0
			served.release = max(served.release, m.Total().N)
		}
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
