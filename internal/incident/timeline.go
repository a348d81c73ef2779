package incident

import (
	"bytes"
	"fmt"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
)

// Timeline renders timeline.md: the runbook's header and four bullets in its exact form and order, then what an
// on-call engineer asks next, the most important first.
func Timeline(entries []Entry) []byte {
	s := Fold(entries)
	return s.timeline(entries, s.pictures(entries))
}

func (s Summary) timeline(entries []Entry, pictures []picture) []byte {
	var p page
	s.header(&p)
	s.bullets(&p)
	s.drillNote(&p)
	s.inShort(&p)
	firstGuess(&p, entries)
	s.evidence(&p, pictures)
	s.whatWasDone(&p)
	s.didItHelp(&p)
	s.whatIsLeft(&p)
	s.whoWasTold(&p)
	s.folder(&p, pictures, diagnosisFiles(entries))
	history(&p, s, entries)
	p.define()
	return p.Bytes()
}

// page is Markdown under construction.
type page struct {
	bytes.Buffer
	// addresses are what the page refers to by number.
	addresses []string
}

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
	case s.Final || s.refusedForGood() || s.initiated() && s.Action.Result != "":
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

// asOf is the time for which something is told that did not happen: the end of the watch, or else the newest entry.
func (s Summary) asOf() time.Time {
	if s.Final {
		return s.Times.State
	}
	return s.Times.Last
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
		return s.Times.FirstBreach, wordsFor(*lead).Broke
	case s.Decision != nil:
		return s.Times.Decided, "Breach detected"
	case s.initiated():
		return s.Times.Initiated, "No signal was proven broken; the rollback was asked for by hand"
	case !s.Final:
		return s.Times.Last, "No signal has been proven broken so far"
	default:
		return s.asOf(), "No signal was proven broken"
	}
}

func (s Summary) initiatedBullet() (time.Time, string) {
	switch {
	case s.initiated():
		return s.Times.Initiated, "Rollback initiated"
	case s.Final || s.refusedForGood():
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
		return s.asOf(), "Nothing to restore: no signal was proven broken"
	case s.Decision == nil && !s.initiated():
		return s.Times.Last, "Nothing to restore so far: no signal has been proven broken"
	case s.initiated() && s.Action.Result == "":
		return s.Times.Last, "Service NOT restored yet: " + text(s.NotRolledBack)
	case s.State == stateAwaiting:
		return s.asOf(), "Service NOT restored: nothing has been rolled back yet (" + text(s.NotRolledBack) + ")"
	default:
		return s.asOf(), "Service NOT restored: nothing was rolled back (" + text(s.NotRolledBack) + ")"
	}
}

// refusedForGood reports whether a rollback was refused, and not only left to a person who has not answered yet.
func (s Summary) refusedForGood() bool { return s.Refusal != nil && s.State != stateAwaiting }

// inShort tells the whole story in a few sentences.
func (s Summary) inShort(p *page) {
	p.line("\n**In short:** %s in %s, version %s. %s %s%s", text(s.Event.workload()), or(text(s.Event.Environment), "an unknown environment"),
		or(text(s.version()), "unknown"), s.whatBroke(), s.whatCame(), s.inFreeze())
}

func (s Summary) inFreeze() string {
	if s.Freeze == nil {
		return ""
	}
	return " **It was deployed during a freeze:** " + frozenFor(*s.Freeze) + "."
}

func (s Summary) whatBroke() string {
	lead := s.Decision.Lead()
	if lead == nil {
		return "No signal was proven broken."
	}
	if lead.Kind == analyzer.KindLatency {
		return fmt.Sprintf("%s was %s; the limit is %s.", quantileName(*lead), latency(lead.QuantileValue), latency(lead.LimitLatency))
	}
	if lead.Kind == analyzer.KindBusiness {
		value, limit := lead.Shown()
		return fmt.Sprintf("%s was %s; the limit is %s.", text(lead.Signal), text(value), text(limit))
	}
	w := wordsFor(*lead)
	if w.Bad == "" {
		return text(lead.Reason) + "."
	}
	return fmt.Sprintf("%s of requests %s; the limit is %s.", percent(lead.Value), w.Bad, percent(lead.Limit))
}

func (s Summary) whatCame() string {
	switch {
	case s.CameBack != nil:
		return "Rolled back to " + s.backTo() + ", but **the bad version came back**. Nothing more is done automatically."
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
	case s.Decision != nil && s.State == stateAwaiting:
		return "**It waits" + s.waitsUntil() + " for a person to approve its rollback:** " + text(s.NotRolledBack) + "."
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

// or returns s, or fallback if s is empty.
func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}
