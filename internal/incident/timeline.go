package incident

import (
	"bytes"
	"fmt"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/rollback"
)

// Timeline renders timeline.md: the runbook's header and four bullets in its exact form and order, then what an
// on-call engineer asks next, the most important first.
func Timeline(entries []Entry) []byte {
	s := Fold(entries)
	var p page
	s.header(&p)
	s.bullets(&p)
	s.inShort(&p)
	s.evidence(&p)
	s.whatWasDone(&p)
	s.didItHelp(&p)
	s.whatIsLeft(&p)
	history(&p, s, entries)
	return p.Bytes()
}

// page is Markdown under construction.
type page struct{ bytes.Buffer }

func (p *page) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

func (p *page) section(title string) { p.line("\n## %s\n", title) }

// header writes the runbook's five first lines.
func (s Summary) header(p *page) {
	p.line("# Incident Timeline: Deployment Rollback")
	p.line("")
	p.line("**Version:** %s", or(text(s.version()), "unknown"))
	p.line("**Deployed:** %s", s.deployed())
	p.line("**Rolled Back:** %s", s.rolledBack())
}

func (s Summary) deployed() string {
	if s.Times.Started.IsZero() {
		return "unknown (the cluster did not show this version running)"
	}
	return instant(s.Times.Started)
}

func (s Summary) rolledBack() string {
	switch {
	case s.RolledBack:
		return instant(s.changed())
	case s.Final || s.Refusal != nil || s.initiated() && s.Action.Result != "":
		return "no (" + text(s.NotRolledBack) + ")"
	default:
		return "not yet (" + text(s.NotRolledBack) + ")"
	}
}

// changed is when the rollback took effect in the API server, as closely as the journal knows.
func (s Summary) changed() time.Time {
	if s.Times.Landed.IsZero() {
		return s.Times.Initiated
	}
	return s.Times.Landed
}

// bullets writes the runbook's four bullets.
func (s Summary) bullets(p *page) {
	// The runbook has no empty line between this heading and its list.
	p.line("\n## Timeline")
	for _, b := range []func() (time.Time, string){s.completedBullet, s.brokeBullet, s.initiatedBullet, s.restoredBullet} {
		t, what := b()
		p.line("- %s - %s", instant(t), what)
	}
}

func (s Summary) completedBullet() (time.Time, string) {
	switch {
	case !s.Times.Completed.IsZero():
		return s.Times.Completed, "Deployment completed"
	case !s.Times.Started.IsZero():
		return s.Times.Started, "Deployment started (the cluster had not reported it complete)"
	default:
		return s.Times.Accepted, "Deployment announced (the cluster did not show it running)"
	}
}

func (s Summary) brokeBullet() (time.Time, string) {
	switch lead := s.Decision.Lead(); {
	case lead != nil:
		return s.Times.FirstBreach, wordsFor(lead.Signal, lead.Kind).Broke
	case s.Decision != nil:
		return s.Times.Decided, "Breach detected"
	case s.initiated():
		return s.Times.Initiated, "No signal was proven broken; the rollback was asked for by hand"
	case !s.Final:
		return s.Times.Last, "No signal has been proven broken so far"
	default:
		return s.Times.Last, "No signal was proven broken"
	}
}

func (s Summary) initiatedBullet() (time.Time, string) {
	switch {
	case s.initiated():
		return s.Times.Initiated, "Rollback initiated"
	case s.Final || s.Refusal != nil:
		return s.Times.State, "Rollback not initiated: " + text(s.NotRolledBack)
	default:
		return s.Times.Last, "Rollback not initiated yet: " + text(s.NotRolledBack)
	}
}

func (s Summary) restoredBullet() (time.Time, string) {
	switch {
	case s.Restored:
		return s.Times.Restored, "Service restored"
	case s.State == stateNotRecovered:
		return s.Times.State, "Service NOT restored: " + text(s.Reason)
	case s.State == stateUnverified:
		return s.Times.State, "Service NOT proven restored: " + text(s.Reason)
	case s.RolledBack:
		return s.Times.Last, "Service NOT restored yet: the rollback is being checked"
	case s.Decision == nil && !s.initiated() && s.Final:
		return s.Times.Last, "Nothing to restore: no signal was proven broken"
	case s.Decision == nil && !s.initiated():
		return s.Times.Last, "Nothing to restore so far: no signal has been proven broken"
	case s.initiated() && s.Action.Result == "":
		return s.Times.Last, "Service NOT restored yet: " + text(s.NotRolledBack)
	default:
		return s.Times.Last, "Service NOT restored: nothing was rolled back (" + text(s.NotRolledBack) + ")"
	}
}

// inShort tells the whole story in a few sentences.
func (s Summary) inShort(p *page) {
	p.line("\n**In short:** %s in %s, version %s. %s %s", text(s.Event.workload()), or(text(s.Event.Environment), "an unknown environment"),
		or(text(s.version()), "unknown"), s.whatBroke(), s.whatCame())
}

func (s Summary) whatBroke() string {
	lead := s.Decision.Lead()
	if lead == nil {
		return "No signal was proven broken."
	}
	w := wordsFor(lead.Signal, lead.Kind)
	return fmt.Sprintf("%s of requests %s; the limit is %s.", percent(lead.Value), w.Bad, percent(lead.Limit))
}

func (s Summary) whatCame() string {
	switch {
	case s.Restored:
		return "Rolled back to " + s.backTo() + ", and the service is well again."
	case s.State == stateNotRecovered:
		return "Rolled back to " + s.backTo() + ", but **the service is still not well**. Nothing more is done automatically."
	case s.State == stateUnverified:
		return "Rolled back to " + s.backTo() + ", but **it is not known whether this helped**."
	case s.RolledBack:
		return "Rolled back to " + s.backTo() + "; whether this helped is being checked."
	case s.initiated() && s.Action.Result == "":
		return "A rollback to " + s.backTo() + " was begun; its outcome is not recorded yet."
	case s.Decision != nil && s.Final:
		return "**Nothing was rolled back:** " + text(s.NotRolledBack) + "."
	case s.Final:
		return "Nothing was rolled back: " + text(s.NotRolledBack) + "."
	default:
		return "Nothing has been rolled back yet: " + text(s.NotRolledBack) + "."
	}
}

// backTo names the version that was gone back to.
func (s Summary) backTo() string {
	if s.initiated() {
		return nameOf(s.Action.To)
	}
	if s.Target != nil {
		return nameOf(*s.Target)
	}
	return "an earlier version"
}

// nameOf calls a version by the best name that it has.
func nameOf(v Version) string {
	switch {
	case v.Version != "":
		return text(v.Version)
	case v.Revision != "":
		return "revision " + text(v.Revision)
	default:
		return or(text(v.ReplicaSet), "an unknown version")
	}
}

// evidence shows the numbers that decided, or the newest ones where nothing was decided.
func (s Summary) evidence(p *page) {
	p.section("Evidence")
	j := s.Decision
	if j == nil {
		j = s.Latest
	}
	lead := j.Lead()
	switch {
	case j == nil:
		p.line("No judgement is recorded.")
		return
	case lead == nil:
		p.line("- Verdict: %s (%s)", text(string(j.Verdict)), text(j.Reason))
		return
	}
	s.measured(p, *lead)
	p.line("- Why: %s", text(or(lead.Reason, j.Reason)))
	p.line("- Query, to be pasted into Prometheus: %s", code(j.Queries[lead.Signal]))
	for _, other := range j.Signals {
		if other.Signal != lead.Signal {
			p.line("- Other signal %s: %s (%s)", text(other.Signal), text(string(other.Verdict)), text(other.Reason))
		}
	}
}

func (s Summary) measured(p *page, a analyzer.Assessment) {
	w := wordsFor(a.Signal, a.Kind)
	p.line("- Signal: %s (%s), verdict %s", w.Name, text(a.Signal), text(string(a.Verdict)))
	p.line("- Measured: %s of requests %s (%s, in the %s up to %s)", percent(a.Value), w.Bad, share(a.Counts), span(seconds(a.Window)), instant(a.At))
	p.line("- Limit: %s", limitInWords(a))
	p.line("- Baseline, before the deployment: %s (%s%s)", percent(a.Baseline), share(a.BaselineCounts), s.baselineSpan(a.Signal))
	if a.Since.IsZero() {
		p.line("- Held: not over the limit; it must be over it for more than %s without a break", span(seconds(a.Required)))
	} else {
		p.line("- Held: over the limit for %s without a break, since %s; more than %s is required", span(seconds(a.Held)), instant(a.Since), span(seconds(a.Required)))
		p.line("- Requests while it was over the limit: %s, of which %s %s; at least %s are required",
			count(a.HeldCounts.N), count(a.HeldCounts.K), w.Bad, count(a.MinRequests))
	}
}

// limitInWords says how the limit came about. The difference is computed, not read from the policy, so that it is
// true of what was applied even if the policy has changed since.
func limitInWords(a analyzer.Assessment) string {
	more := a.Limit - a.Baseline
	if a.Limit == 0 || more < 0 {
		return percent(a.Limit)
	}
	words := fmt.Sprintf("%s = the baseline of %s plus the %s percentage points that the policy allows", percent(a.Limit), percent(a.Baseline), significant(more*100))
	if a.Baseline == 0 {
		return words
	}
	return words + " (" + percent(more/a.Baseline) + " of the baseline)"
}

func (s Summary) baselineSpan(signal string) string {
	b := s.baseline(signal)
	if b == nil {
		return ""
	}
	out := ", " + instant(b.From) + " to " + instant(b.To)
	if len(b.Pods) > 0 {
		out += ", " + plural(uint64(len(b.Pods)), "pod")
	}
	return out
}

// whatWasDone tells the rollback from plan to outcome.
func (s Summary) whatWasDone(p *page) {
	p.section("What was done")
	if !s.initiated() {
		s.nothingDone(p)
		return
	}
	a := s.Action
	if a.Summary != "" {
		p.line("- Plan: %s", text(a.Summary))
	}
	p.line("- From: %s", s.described(a.From, s.Release))
	p.line("- To: %s", s.described(a.To, s.Target))
	if s.TargetWhy != "" {
		p.line("- Why this version: %s", text(s.TargetWhy))
	}
	p.line("- Outcome: %s", a.outcome())
	p.line("- By: %s%s", or(text(a.Actor), "unknown"), a.approval())
	p.line("- Intent: %s", code(a.Intent))
}

func (s Summary) nothingDone(p *page) {
	p.line("Nothing was changed: %s.", text(s.NotRolledBack))
	if s.Plan != nil {
		p.line("\nA rollback would have done this: %s", text(s.Plan.Summary))
	}
}

// described tells a version with all its names, taking from the pin those that the plan does not hold.
func (s Summary) described(v Version, pinned *Version) string {
	if pinned != nil && (v.Hash == "" || v.Hash == pinned.Hash) {
		v.Version, v.ReplicaSet = or(v.Version, pinned.Version), or(v.ReplicaSet, pinned.ReplicaSet)
		v.Revision = or(v.Revision, pinned.Revision)
	}
	return fmt.Sprintf("version %s (ReplicaSet %s, revision %s)",
		or(text(v.Version), "unknown"), or(text(v.ReplicaSet), "unknown"), or(text(v.Revision), "unknown"))
}

func (a Action) outcome() string {
	what := "not recorded yet"
	switch a.Result {
	case rollback.Landed:
		what = "the API server accepted the change"
	case rollback.Superseded:
		what = "nothing was changed, because somebody changed the workload first"
	case rollback.Failed:
		what = "the change was not made"
	}
	if a.Detail == "" {
		return what
	}
	return what + " (" + text(a.Detail) + ")"
}

func (a Action) approval() string {
	if a.ApprovedBy == "" {
		return ""
	}
	return ", approved by " + text(a.ApprovedBy)
}

// or returns s, or fallback if s is empty.
func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}
