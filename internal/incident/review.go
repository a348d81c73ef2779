package incident

import (
	"fmt"
	"slices"
	"time"
)

// blank is what people have to fill in.
func blank(what string) string { return "**To be filled in:** " + what }

// reviewOf returns what the annex tells of the review, nil if nothing, and who said that it is done.
func reviewOf(entries []Entry) (review *Postmortem, doneBy string) {
	for _, e := range entries {
		if e.Postmortem == nil {
			continue
		}
		if review == nil {
			review = &Postmortem{}
		}
		if e.Postmortem.Number != 0 {
			review.Number = e.Postmortem.Number
		}
		if !e.Postmortem.Due.IsZero() {
			review.Due = e.Postmortem.Due
		}
		if !e.Postmortem.DoneAt.IsZero() {
			review.DoneAt, review.Link, doneBy = e.Postmortem.DoneAt, e.Postmortem.Link, e.Actor
		}
	}
	return review, doneBy
}

// postmortemPage renders postmortem.md: the headings of a postmortem with every fact that is recorded, and blanks for what only people
// know.
func (s Summary) postmortemPage(entries []Entry, pictures []picture) []byte {
	var p page
	review, doneBy := reviewOf(entries)
	number := "not numbered yet"
	if review != nil && review.Number != 0 {
		number = PostmortemName(review.Number)
	}
	p.line("# Postmortem: %s, version %s in %s", text(s.Event.workload()), or(text(s.version()), "unknown"), or(text(s.Event.Environment), "an unknown environment"))
	p.line("\n- **Number:** %s", number)
	p.line("- **Date:** %s", s.day())
	p.line("- **Authors:** %s", blank("who wrote this"))
	p.line("- **Status:** %s", s.status(review, doneBy))
	p.line("- **Due:** %s", s.due(review))
	s.drillNote(&p)
	p.section("Summary")
	p.line("Version %s: %s %s%s", or(text(s.version()), "unknown"), s.whatBroke(), s.whatCame(), s.inFreeze())
	s.impactSection(&p, entries)
	p.section("Root Causes")
	p.line("%s", blank("why this version failed, and why it could reach "+or(text(s.Event.Environment), "this environment")))
	firstGuess(&p, entries)
	s.triggerSection(&p)
	s.resolutionSection(&p)
	s.detectionSection(&p)
	p.section("Action Items")
	p.line("| action | type (prevent, mitigate, detect) | owner | due |\n|---|---|---|---|")
	for range 3 {
		p.line("| | | | |")
	}
	p.section("Lessons Learned")
	p.line("### What went well\n\n- %s", blank("what went well"))
	p.line("\n### What went wrong\n\n- %s", blank("what went wrong"))
	p.line("\n### Where we got lucky\n\n- %s", blank("where we got lucky"))
	s.shortTimeline(&p)
	s.supporting(&p, pictures, diagnosisFiles(entries))
	p.define()
	return p.Bytes()
}

// day is the day of the incident.
func (s Summary) day() string {
	for _, t := range []time.Time{s.Times.FirstBreach, s.Times.Initiated, s.Times.Started, s.Times.Accepted} {
		if !t.IsZero() {
			return t.UTC().Format(time.DateOnly)
		}
	}
	return "unknown"
}

func (s Summary) status(review *Postmortem, doneBy string) string {
	if review == nil || review.DoneAt.IsZero() {
		if !s.Final {
			return "open: the incident is not over, and this page changes"
		}
		return "draft: the facts are filled in, the rest is for people"
	}
	out := fmt.Sprintf("done, as %s said at %s", or(text(doneBy), "somebody"), instant(review.DoneAt))
	if review.Link != "" {
		out += ": " + code(review.Link)
	}
	return out
}

func (s Summary) due(review *Postmortem) string {
	if review != nil && !review.Due.IsZero() {
		return instant(review.Due)
	}
	from := s.changed()
	if from.IsZero() {
		from = s.Times.Decided
	}
	if from.IsZero() {
		return "unknown"
	}
	within := s.postmortemWithin()
	return fmt.Sprintf("%s, within %d hours", instant(from.Add(within)), int(within.Hours()))
}

func (s Summary) impactSection(p *page, entries []Entry) {
	p.section("Impact")
	p.line("- Duration: %s", s.lasted())
	for _, i := range s.impacts(entries) {
		p.line("- By %s", i)
	}
	p.line("- %s", blank("who noticed, which users and which other services were affected, what it cost"))
}

func (s Summary) triggerSection(p *page) {
	p.section("Trigger")
	p.line("The deployment of version %s of %s.\n", or(text(s.version()), "unknown"), text(s.Event.workload()))
	s.deploymentFacts(p)
}

func (s Summary) resolutionSection(p *page) {
	p.section("Resolution")
	if !s.RolledBack {
		p.line("- %s", s.whatCame())
		p.line("- %s", blank("what ended the incident, and when"))
		return
	}
	p.line("- %s", s.whatCame())
	p.line("- Rolled back at %s by %s%s", instant(s.changed()), or(text(s.actor()), "unknown"), s.approvedBy())
	p.line("- %s", s.answer())
	if !s.Restored {
		p.line("- %s", blank("what ended the incident, and when"))
	}
}

func (s Summary) actor() string {
	if s.Action == nil {
		return ""
	}
	return s.Action.Actor
}

func (s Summary) approvedBy() string {
	if s.Action == nil {
		return ""
	}
	return s.Action.approval()
}

func (s Summary) detectionSection(p *page) {
	p.section("Detection")
	lead := s.Decision.Lead()
	if s.Decision == nil {
		p.line("No signal was proven broken by rollbackd.\n\n- %s", blank("who or what noticed"))
		return
	}
	what := "rollbackd"
	if lead != nil {
		what += ", by the signal " + text(lead.Signal)
	}
	p.line("- By %s, at %s", what, instant(s.Times.Decided))
	p.line("- Why: %s", text(s.Decision.Reason))
	for _, d := range []struct {
		what     string
		from, to time.Time
	}{
		{"From the deployment to the first bad measurement", s.Times.Started, s.Times.FirstBad},
		{"From the first bad measurement to the decision", s.Times.FirstBad, s.Times.Decided},
		{"From the decision to the rollback", s.Times.Decided, s.landedAt()},
		{"From the rollback to the recovery", s.landedAt(), s.Times.Restored},
	} {
		if !d.from.IsZero() && !d.to.IsZero() && !d.to.Before(d.from) {
			p.line("- %s: %s", d.what, brief(d.to.Sub(d.from)))
		}
	}
}

// landedAt is when the rollback took effect, zero if none did.
func (s Summary) landedAt() time.Time {
	if !s.RolledBack {
		return time.Time{}
	}
	return s.changed()
}

func (s Summary) shortTimeline(p *page) {
	p.section("Timeline")
	p.line("All times are UTC; in brackets, the time since the deployment started. %s has every event.\n", link(timelineFile, timelineFile))
	type event struct {
		at   time.Time
		what string
	}
	var events []event
	add := func(at time.Time, what string) {
		if !at.IsZero() {
			events = append(events, event{at, what})
		}
	}
	add(s.Times.Accepted, "Deployment announced")
	add(s.Times.Started, "Deployment started")
	add(s.Times.Completed, "Deployment completed")
	if lead := s.Decision.Lead(); lead != nil {
		add(s.Times.FirstBreach, wordsFor(*lead).Broke)
	}
	add(s.Times.Decided, "Found to be bad")
	if s.initiated() {
		add(s.Times.Initiated, "Rollback initiated")
	}
	add(s.landedAt(), "Rolled back")
	add(s.Times.RolloutComplete, "Rollout of the rollback complete")
	add(s.Times.Restored, "Service restored")
	add(s.Times.CameBack, "The bad version came back")
	if s.Final {
		add(s.Times.State, "End of the watch: "+text(s.State))
	}
	// The cluster's times are whole seconds: within one, what is told above comes first.
	slices.SortStableFunc(events, func(a, b event) int { return a.at.Truncate(time.Second).Compare(b.at.Truncate(time.Second)) })
	for _, e := range events {
		p.line("- %s %s", s.stamp(e.at, e.at), e.what)
	}
}

func (s Summary) supporting(p *page, pictures []picture, diagnosis []File) {
	p.section("Supporting information")
	for _, pic := range pictures {
		line := link(pic.name, pic.name) + ": " + pic.what()
		if graphs := s.graphs(p, pic.signal, spanOf(pic)); graphs != "" {
			line += "; in Prometheus " + graphs
		}
		p.line("- %s", line)
	}
	for _, f := range diagnosis {
		p.line("- %s: what was gathered in the cluster", link(f.Name, f.Name))
	}
	p.line("- %s and %s: the facts for programs, and all that was recorded", link(incidentFile, incidentFile), link(journalFile, journalFile))
	p.line("- %s: the entry for the change log", link(changelogFile, changelogFile))
	p.line("- %s", blank("dashboards, logs, tickets, conversations"))
}

// tellPostmortem tells what became of the review.
func tellPostmortem(m *Postmortem, actor string) string {
	out := "Postmortem"
	if m.Number != 0 {
		out += " " + PostmortemName(m.Number)
	}
	switch {
	case !m.DoneAt.IsZero():
		out += " is done, as " + or(text(actor), "somebody") + " said"
		if m.Link != "" {
			out += ": " + code(m.Link)
		}
	case !m.Due.IsZero():
		out += " due by " + instant(m.Due)
	}
	return out
}
