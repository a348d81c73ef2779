package watch

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/notifier"
)

// This file decides, purely, which incidents call for a review, by when, and when people are reminded of it.

// Reviews says which incidents call for a review, and by when. The zero value calls for none.
type Reviews struct {
	// Environments are those whose incidents are reviewed.
	Environments []string
	// Within is how long after the end of an incident its review is due, HotfixWithin that of a hotfix.
	Within, HotfixWithin time.Duration
	// RemindBefore is how long before that people are reminded.
	RemindBefore time.Duration
}

// remindEvery is how often people are reminded of a review that is overdue.
const remindEvery = 24 * time.Hour

// The steps of reminding; each later one is of one day more that a review is overdue.
const (
	stepNone = iota
	// stepNumbered: people are told the number, and by when the review is due.
	stepNumbered
	stepSoon
	stepOverdue
)

// wants reports whether an incident calls for a review: it was rolled back, or ended without the service being known to be well. A
// release that was replaced or that a person let be needs none, nor does one that a policy on trial only observed, nor a drill.
func (r Reviews) wants(d incident.Digest) bool {
	if d.Incident == "" || !d.Final || d.Drill || !slices.Contains(r.Environments, d.Environment) {
		return false
	}
	switch State(d.State) {
	case RolledBack, RolledBackUnverified, NotRecovered, Failed:
		return true
	case Held:
		return d.Mode != string(Observe)
	}
	return d.RolledBack
}

// due is by when the review of an incident is to be done.
func (r Reviews) due(d incident.Digest) time.Time {
	if d.Hotfix {
		return d.Times.Ended.Add(r.HotfixWithin)
	}
	return d.Times.Ended.Add(r.Within)
}

// step is the newest step of reminding that a review has come to.
func (r Reviews) step(p incident.Review, now time.Time) int {
	switch {
	case !p.DoneAt.IsZero():
		return stepNone
	case p.Due.IsZero():
		return stepNumbered
	case !now.Before(p.Due):
		return stepOverdue + int(now.Sub(p.Due)/remindEvery)
	case !now.Before(p.Due.Add(-r.RemindBefore)):
		return stepSoon
	}
	return stepNumbered
}

// reminder is what people are told at a step. Told again after a crash, it has the same ID.
func reminder(d incident.Digest, step int, now time.Time) notifier.Notice {
	p := *d.Postmortem
	n := notifier.Notice{
		ID: "postmortem-" + strconv.FormatUint(p.Number, 10) + "-" + strconv.Itoa(step), At: now,
		Kind: notifier.KindPostmortem, Severity: notifier.Warn,
		Watch: d.Watch, Workload: d.Namespace + "/" + d.Workload, WorkloadKind: d.Kind, Environment: d.Environment,
		Version: d.Version, Target: d.Target, EventID: d.EventID, Incident: d.Incident,
		Signal: d.Signal, Value: d.ValueText, Limit: d.LimitText,
		Text: fmt.Sprintf("%s %s ended as %s on %s.", d.Namespace+"/"+d.Workload, d.Version, d.State, d.Times.Ended.UTC().Format(time.DateTime)),
		Next: "Write the postmortem (postmortem.md of the incident is its draft), then: rollbackctl postmortem done " + p.Name() + " --env " + d.Environment + " --namespace " + d.Namespace + " --link URL",
	}
	by := p.Due.UTC().Format("2006-01-02 15:04 UTC")
	switch {
	case step == stepNumbered:
		n.Severity, n.Title = notifier.Info, fmt.Sprintf("Postmortem %s of %s %s is due by %s", p.Name(), n.Workload, d.Version, by)
	case step == stepSoon:
		n.Title = fmt.Sprintf("Postmortem %s of %s %s is due soon: by %s", p.Name(), n.Workload, d.Version, by)
	default:
		n.Title = fmt.Sprintf("Postmortem %s of %s %s is overdue since %s", p.Name(), n.Workload, d.Version, by)
	}
	return n
}
