package incident

import (
	"fmt"
	"time"

	"github.com/rollbackd/rollbackd/rollback"
)

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
	if m := s.Migration; m != nil {
		p.line("- Database: to be taken back by Job %s %s the change; the down-migration %s", code(m.Job), text(m.When), m.outcome())
	}
	p.line("- Outcome: %s", a.outcome())
	p.line("- By: %s%s", or(text(a.Actor), "unknown"), a.approval())
	p.line("- Intent: %s", code(a.Intent))
	s.migrationLog(p)
	s.writtenBy(p)
}

func (s Summary) nothingDone(p *page) {
	p.line("Nothing was changed: %s.", text(s.NotRolledBack))
	if s.Plan != nil {
		p.line("\nA rollback would have done this: %s", text(s.Plan.Summary))
	}
	if len(s.Owners) > 0 {
		p.line("")
		s.writtenBy(p)
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
		if a.Detail != "" {
			return text(a.Detail)
		}
		what = "the API server accepted the change"
	case rollback.Outdated:
		what = "nothing was changed, and it is planned anew"
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

// didItHelp compares the service after the rollback with the limit that it had broken.
func (s Summary) didItHelp(p *page) {
	p.section("Did it help")
	if !s.RolledBack {
		p.line("Nothing was rolled back, so there is nothing to compare.")
		return
	}
	p.line("- %s", s.answer())
	s.after(p)
	if s.Return != nil {
		p.line("- Rollout of the rollback: %s%s", or(text(s.Return.Message), "no message"), completedAt(s.Times.RolloutComplete))
	}
	s.since(p, "rollback", s.changed())
	s.since(p, "recovery", s.Times.Restored)
}

func (s Summary) answer() string {
	switch {
	case s.Restored:
		return "Yes: " + or(text(s.Reason), "the service is well again")
	case s.State == stateNotRecovered:
		return "**No:** " + or(text(s.Reason), "the service is still not well")
	case s.State == stateUnverified:
		return "**Not known:** " + or(text(s.Reason), "there was nothing to tell by")
	case s.Final:
		return "**Not known:** " + or(text(s.Reason), "the check was not made")
	default:
		return "Not known yet: the check is still running"
	}
}

// after writes the verify numbers against the same limit.
func (s Summary) after(p *page) {
	a := s.Verification.Lead()
	if a == nil {
		p.line("- No measurement after the rollback is recorded")
		return
	}
	limit := a.Limit
	if d := s.Decision.of(a.Signal); d != nil {
		limit = d.Limit
	}
	side := "within"
	if a.Value > limit {
		side = "over"
	}
	w := wordsFor(*a)
	p.line("- %s now: %s of requests %s (%s, in the %s up to %s), %s the limit of %s", w.Name, percent(a.Value), w.Bad,
		share(a.Counts), span(seconds(a.Window)), instant(a.At), side, percent(limit))
}

// since writes how long the service was bad before something happened.
func (s Summary) since(p *page, what string, until time.Time) {
	if s.Times.FirstBad.IsZero() || until.IsZero() {
		return
	}
	p.line("- From the first bad measurement (%s) to %s: %s", instant(s.Times.FirstBad), what, span(until.Sub(s.Times.FirstBad)))
}

func completedAt(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return ", complete at " + instant(t)
}
