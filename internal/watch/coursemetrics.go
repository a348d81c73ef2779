package watch

import (
	"errors"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/internal/measure"
	"github.com/rollbackd/rollbackd/rollback"
)

// This file measures how long a deployment takes from one step of its course to the next.

// Who a rollback was made by.
const (
	whoDaemon = "daemon"
	whoPerson = "person"
)

// course holds the durations between the steps of a watch.
type course struct {
	pinned, recovered   prometheus.Histogram
	decided, rolledBack *prometheus.HistogramVec
}

func newCourse(r prometheus.Registerer) course {
	c := course{
		pinned: prometheus.NewHistogram(measure.Seconds("rollbackd_event_to_pin_duration_seconds",
			"Time from an event's acceptance until the cluster showed its version and the version to go back to was pinned.",
			1, 2.5, 5, 10, 15, 30, 60, 120, 300, 600)),
		decided: prometheus.NewHistogramVec(measure.Seconds("rollbackd_event_to_decision_duration_seconds",
			"Time from an event's acceptance until its release was found Regressed, Healthy or Inconclusive.",
			15, 30, 60, 120, 180, 300, 450, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400, 90000), []string{"state"}),
		rolledBack: prometheus.NewHistogramVec(measure.Seconds("rollbackd_decision_to_patch_duration_seconds",
			"Time from a release's being found bad until its rollback was in the cluster, by who decided: daemon, or person, whose thinking counts.",
			0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600), []string{"by"}),
		recovered: prometheus.NewHistogram(measure.Seconds("rollbackd_patch_to_recovery_duration_seconds",
			"Time from a rollback's being in the cluster until the signals were found back within their limits.",
			5, 10, 15, 30, 60, 120, 180, 300, 600, 1200)),
	}
	r.MustRegister(c.pinned, c.decided, c.rolledBack, c.recovered)
	for _, s := range decisions() {
		c.decided.WithLabelValues(string(s))
	}
	c.rolledBack.WithLabelValues(whoDaemon)
	c.rolledBack.WithLabelValues(whoPerson)
	return c
}

// decisions are the states in which a release has been judged.
func decisions() []State { return []State{Regressed, Healthy, Inconclusive} }

// entry measures what an entry, which brought a watch from before to after, ends.
func (c course) entry(before, after Watch, e incident.Entry) {
	switch {
	case e.Kind == incident.KindPinned && before.Pin == nil:
		c.pinned.Observe(since(before.AcceptedAt, e.At))
	case e.Kind == incident.KindOutcome && e.Outcome.Result == rollback.Landed && !after.regressedAt.IsZero():
		by := whoDaemon
		if after.ByPerson {
			by = whoPerson
		}
		c.rolledBack.WithLabelValues(by).Observe(since(after.regressedAt, e.At))
	case e.Kind == incident.KindState && State(e.State.From) == Watching && slices.Contains(decisions(), State(e.State.To)):
		c.decided.WithLabelValues(e.State.To).Observe(since(before.AcceptedAt, e.At))
	case e.Kind == incident.KindState && State(e.State.To) == RolledBack && !after.LandedAt.IsZero():
		c.recovered.Observe(since(after.LandedAt, e.At))
	}
}

// since is never negative, whatever was done to the clock meanwhile.
func since(from, to time.Time) float64 { return max(0, to.Sub(from).Seconds()) }

// The results of an append.
const (
	appendOK       = "ok"
	appendFenced   = "fenced"
	appendTooLarge = "too-large"
	appendError    = "error"
)

func (m *Metrics) appended(err error, took time.Duration) {
	result := appendError
	switch {
	case err == nil:
		result = appendOK
	case errors.Is(err, ErrFenced):
		result = appendFenced
	case errors.Is(err, ErrTooLarge):
		result = appendTooLarge
	}
	m.appends.WithLabelValues(result).Observe(took.Seconds())
}

// start makes what is counted exist at zero, so that increase() sees the first of each.
func (m *Metrics) start() {
	for _, s := range allStates() {
		m.states.WithLabelValues(string(s))
	}
	for _, p := range []incident.Phase{incident.PhaseWatch, incident.PhaseVerify} {
		m.ticks.WithLabelValues(string(p))
	}
	for _, r := range []rollback.Result{rollback.Landed, rollback.Superseded, rollback.Outdated, rollback.Failed} {
		m.rollbacks.WithLabelValues(string(r))
		m.pauses.WithLabelValues(string(r))
	}
	for _, c := range []rollback.RefusalCode{rollback.RefuseBudget, rollback.RefuseNoTarget, rollback.RefuseObserve, rollback.RefuseOnHold,
		rollback.RefuseSchemaChange, rollback.RefuseStage, rollback.RefuseUnproven} {
		m.refusals.WithLabelValues(string(c))
	}
	for _, e := range []effect{effectObserve, effectBaseline, effectOpenIncident, effectPlan, effectApply, effectCheckLanded} {
		m.failures.WithLabelValues(string(e))
	}
	for _, kind := range []string{"watch", "hold"} {
		m.damaged.WithLabelValues(kind)
	}
	for _, r := range []string{"ok", "error"} {
		m.samples.WithLabelValues(r)
	}
	for _, r := range []string{appendOK, appendFenced, appendTooLarge, appendError} {
		m.appends.WithLabelValues(r)
	}
}

// allStates are all states, in the order of their names.
func allStates() []State {
	seen := map[State]bool{}
	for from, to := range transitions() {
		seen[from] = true
		for _, s := range to {
			seen[s] = true
		}
	}
	out := make([]State, 0, len(seen))
	for s := range seen {
		out = append(out, s)
	}
	slices.Sort(out)
	return out
}
