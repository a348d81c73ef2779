package watch

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/notifier"
)

// This file words what people are told of a watch's states and stages.

// stateNotice is what a change of state tells; no title means that nobody is told.
func (w Watch) stateNotice(e incident.Entry) notifier.Notice {
	to := State(e.State.To)
	if e.State.From == string(RollingBack) && to == Regressed {
		return notifier.Notice{} // it is only planned anew
	}
	n := notifier.Notice{Kind: w.kindOf(to), Text: w.withAdvice(e), Open: w.openIn(to)}
	n.Severity, n.Title = announcement(to, w)
	if w.alarming(to) {
		n.Severity = notifier.Page
	}
	n.Action, n.Next = w.actionIn(to), w.nextIn(to, e.At)
	switch to {
	case Watching:
		n.Text = w.outlook()
	case Healthy:
		n.Text = e.State.Reason + evidenceOf(w.judgement)
	case Inconclusive:
		n.Text = briefly(e.State.Reason)
	case RolledBack, NotRecovered:
		w.showRecovery(&n)
	}
	return n
}

// showRecovery has a notice show what the signal that broke shows since the rollback, and say what it showed before.
func (w Watch) showRecovery(n *notifier.Notice) {
	broke, ok := w.lead()
	if !ok {
		return
	}
	for _, a := range w.recovery.Signals {
		if a.Signal == broke.Signal {
			was, _ := broke.Shown()
			n.Signal, n.Value, n.Limit, n.Baseline = figuresOf(a)
			n.Action += " With the bad version it was " + was + "."
		}
	}
}

// openIn reports whether the incident of a watch that is in this state goes on: nobody knows the service to be well.
func (w Watch) openIn(s State) bool {
	if w.Incident == "" {
		return false
	}
	switch s {
	case Regressed, AwaitingApproval, RollingBack, Verifying, RolledBackUnverified, NotRecovered, Held, Failed:
		return true
	}
	return w.CameBack != nil
}

func (w Watch) kindOf(s State) notifier.Kind {
	switch s {
	case Watching:
		return notifier.KindDeployed
	case Regressed:
		return notifier.KindRegressed
	case AwaitingApproval:
		return notifier.KindAwaiting
	case RollingBack:
		return notifier.KindRollingBack
	case RolledBack:
		return notifier.KindRolledBack
	case RolledBackUnverified, NotRecovered, Held, Failed:
		return notifier.KindUnresolved
	case Healthy:
		return notifier.KindHealthy
	}
	if w.Incident != "" { // superseded or aborted, and no longer a matter of this release
		return notifier.KindResolved
	}
	return notifier.KindEnded
}

// actionIn says what was done when a watch came to a state.
func (w Watch) actionIn(s State) string {
	target := "the known-good version"
	if w.Pin != nil && w.Pin.Target != nil {
		target = versionOf(*w.Pin.Target)
	}
	if w.intent != nil {
		target = cmp.Or(w.intent.Plan.ToVersion, target)
	}
	switch s {
	case Watching:
		return w.wouldDo()
	case Regressed:
		return "What to do about it is being decided."
	case RollingBack:
		return "The rollback to " + target + " is on its way."
	case RolledBack, RolledBackUnverified, NotRecovered:
		return "It was rolled back to " + target + "."
	case Held:
		return "Nothing was rolled back: " + strings.TrimPrefix(w.Reason, "not rolled back: ")
	case Failed:
		return "The rollback to " + target + " failed: " + w.Reason
	case AwaitingApproval:
		return "Nothing has been done yet: " + w.Reason
	case Inconclusive:
		return w.unanswered()
	}
	return ""
}

// nextIn says what a watch that came to a state at that time leaves to people.
func (w Watch) nextIn(s State, at time.Time) string {
	if steps := w.advice(); s.Final() && len(steps) > 0 {
		return steps[0].String()
	}
	place := fmt.Sprintf("%s --env %s", w.target(), w.Event.Environment)
	switch s {
	case Watching:
		return w.onCallUntil()
	case AwaitingApproval:
		return fmt.Sprintf("Approve or deny it by %s: rollbackctl approve %s", hour(at.Add(w.approvalFor())), w.Key)
	case RolledBack:
		return "Find out what was wrong with it before it is deployed again."
	case RolledBackUnverified:
		return "Look whether the service is well: nothing measured tells."
	case NotRecovered:
		return "Look for another cause: the service is still not well, and nothing more is done automatically."
	case Held:
		return "Decide: deploy a version that is well, or rollbackctl rollback " + place
	case Failed:
		return "Look at the workload; rollbackctl rollback " + place + " tries once more."
	case Inconclusive:
		return w.answerByHand()
	}
	return ""
}

// target is the workload that the event is about, as people name it to rollbackctl.
func (w Watch) target() string { return w.Event.Namespace + "/" + w.Event.Workload }

func (w Watch) approvalFor() time.Duration { return cmp.Or(w.Policy.ApprovalFor, defaultApprovalFor) }

// wouldDo says what would be done if the release were bad.
func (w Watch) wouldDo() string {
	switch {
	case w.Pin == nil:
		return ""
	case w.Pin.Target == nil:
		return "It could not be rolled back: " + w.Pin.NoTarget
	}
	stages := w.policyNow().Stages
	if len(stages) == 0 {
		return ""
	}
	text := fmt.Sprintf("If it is bad, it %s.", modeWords(stages[0].Mode, " to "+versionOf(*w.Pin.Target)))
	for _, f := range w.oddities() {
		text += " It " + f + "."
	}
	return text
}

// modeWords say what a mode does about a bad release; to is the version that is gone back to, or nothing.
func modeWords(m Mode, to string) string {
	switch m {
	case Automatic:
		return "is rolled back" + to + " at once"
	case Approve:
		return "is rolled back" + to + " when a person approves"
	}
	return "is only recorded"
}

// oddities are what sets a release apart, for whoever is on call.
func (w Watch) oddities() []string {
	var out []string
	if w.Event.SchemaChange {
		out = append(out, "changes the database's schema")
	}
	if w.Event.Hotfix {
		out = append(out, "is a hotfix")
	}
	if w.Unannounced {
		out = append(out, "was announced by nobody")
	}
	return out
}

// onCallUntil says until when the people on call have something to know.
func (w Watch) onCallUntil() string {
	if w.Pin == nil || len(w.Policy.Stages) == 0 {
		return ""
	}
	stages := w.policyNow().Stages
	last := stages[min(1, len(stages)-1)]
	return fmt.Sprintf("On-call: until %s a page about %s may be this release; it is watched until %s.",
		hour(w.begin().Add(last.Until)), w.target(), hour(w.begin().Add(w.policyNow().End())))
}

// outlook tells what there is to know of a release that has just gone live.
func (w Watch) outlook() string {
	var lines []string
	for _, s := range w.policyNow().Stages {
		lines = append(lines, fmt.Sprintf("stage %s until %s: a bad release %s", s.Name, hour(w.begin().Add(s.Until)), modeWords(s.Mode, "")))
	}
	for _, f := range w.oddities() {
		lines = append(lines, "it "+f)
	}
	return strings.Join(lines, "; ") + "."
}

// evidenceOf tells what each signal of a judgement showed.
func evidenceOf(j analyzer.Judgement) string {
	var lines []string
	for _, a := range j.Signals {
		value, limit := figures(a)
		lines = append(lines, fmt.Sprintf("%s %s (limit %s)", a.Signal, value, limit))
	}
	if len(lines) == 0 {
		return ""
	}
	return "; " + strings.Join(lines, ", ")
}

// hour writes a time as people on call read it, with its day.
func hour(t time.Time) string { return t.UTC().Format("2006-01-02 15:04Z") }

// stageNotice tells that a stage is over, if the tick is the first one behind its end and the release is still live. That of the last one is told
// by how the watch ends.
func (w Watch) stageNotice(lastTick time.Time, e incident.Entry) notifier.Notice {
	if w.State != Watching || w.Pin == nil || lastTick.Before(w.begin()) || w.judgement.Verdict == analyzer.Regressed {
		return notifier.Notice{}
	}
	p := w.policyNow()
	from, to := p.stageAt(lastTick.Sub(w.begin())), p.stageAt(e.Tick.At.Sub(w.begin()))
	if from.Name == to.Name {
		return notifier.Notice{}
	}
	title := fmt.Sprintf("%s has passed the stage %s", w.name(), from.Name)
	if w.judgement.Verdict != analyzer.Healthy {
		title = fmt.Sprintf("the stage %s of %s is over, and it is not known whether it is well", from.Name, w.name())
	}
	return notifier.Notice{
		Kind: notifier.KindStage, Severity: notifier.Info, Title: title, Text: w.judgement.Reason + evidenceOf(w.judgement),
		Action: fmt.Sprintf("Now begins the stage %s, until %s: a bad release %s.", to.Name, hour(w.begin().Add(to.Until)), modeWords(to.Mode, "")),
	}
}

// announcement says how grave a state is for people, and in what words; no title means that nobody is told.
func announcement(s State, w Watch) (notifier.Severity, string) {
	name := w.name()
	switch s {
	case Watching:
		if w.Order != nil { // a person asked for its rollback, and is told of that
			return notifier.Info, ""
		}
		return notifier.Info, name + " is being watched"
	case RollingBack:
		return notifier.Info, name + " is being rolled back"
	case Regressed:
		if w.ordered != nil {
			return notifier.Warn, name + " is to be rolled back because " + w.ordered.By + " asked for it"
		}
		return notifier.Warn, name + " is bad"
	case AwaitingApproval:
		if w.crowded() { // one page tells of all
			return notifier.Warn, name + " is bad and waits for a person to approve its rollback"
		}
		return notifier.Page, name + " is bad and waits for a person to approve its rollback"
	case Aborted:
		return notifier.Info, name + " is no longer watched"
	case RolledBack:
		return notifier.Page, name + " was rolled back, and it helped"
	case RolledBackUnverified:
		if w.CameBack != nil {
			return notifier.Page, name + " came back after it was rolled back"
		}
		return notifier.Page, name + " was rolled back; whether it helped is not known"
	case NotRecovered:
		return notifier.Page, name + " was rolled back, and it did not help"
	case Held:
		if w.crowded() {
			return notifier.Warn, name + " is bad and was not rolled back"
		}
		return notifier.Page, name + " is bad and was not rolled back"
	case Failed:
		return notifier.Page, name + " is bad and the rollback failed"
	case Inconclusive:
		if w.Reason == journalLost {
			return notifier.Page, name + " was being watched, and its watch is lost"
		}
		return notifier.Warn, name + " could not be judged"
	case Healthy:
		return notifier.Info, name + " is healthy"
	case Superseded:
		return notifier.Info, name + " was superseded"
	}
	return notifier.Info, ""
}
