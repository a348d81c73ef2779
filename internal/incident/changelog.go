package incident

import "strings"

// Changelog renders logs/deployments/changelog_<UTC>.md, the entry for the change log of any deployment, good or bad.
func Changelog(entries []Entry) []byte {
	s := Fold(entries)
	return s.changelogEntry("../../artifacts/integration/" + SafeName(s.Incident) + "/")
}

// changelogEntry renders the entry; folder leads from it to the folder of the incident.
func (s Summary) changelogEntry(folder string) []byte {
	var p page
	p.line("# Change Log: %s, version %s in %s\n", text(s.Event.workload()), or(text(s.version()), "unknown"), or(text(s.Event.Environment), "an unknown environment"))
	p.line("## Deployment\n")
	s.deploymentFacts(&p)
	p.line("- Result: %s", s.result())
	if s.Incident == "" {
		return p.Bytes()
	}
	p.line("- Incident: %s", link(text(s.Incident), folder+timelineFile))
	s.rollbackEntry(&p)
	return p.Bytes()
}

// deploymentFacts are what, when and who, as the event claims and as the cluster shows it.
func (s Summary) deploymentFacts(p *page) {
	what := "version " + or(text(s.version()), "unknown")
	if s.Event.PreviousVersion != "" {
		what += ", in place of " + text(s.Event.PreviousVersion)
	}
	p.line("- What: %s, %s", what, or(text(s.Event.Strategy), "rolling"))
	p.line("- Commit (as claimed): %s", code(s.Event.Commit))
	p.line("- Deployment's ID: %s", code(or(s.Event.ID, s.Watch)))
	p.line("- Started: %s; completed: %s", instant(s.Times.Started), instant(s.Times.Completed))
	p.line("- Operator (as claimed): %s", or(text(s.Event.Operator), "none named"))
	p.line("- Approvals (as claimed): %s", s.approvals())
	var special []string
	if s.Event.Hotfix {
		special = append(special, "hotfix")
	}
	if s.Event.SchemaChange {
		special = append(special, "with a change of the database schema")
	}
	if s.Freeze != nil {
		special = append(special, "during the freeze "+frozenFor(*s.Freeze))
	}
	if len(special) > 0 {
		p.line("- Special: %s", strings.Join(special, ", "))
	}
	if s.Event.Verification != "" {
		p.line("- Verification (as claimed): %s", code(s.Event.Verification))
	}
}

// mostApprovals bounds how many names are written.
const mostApprovals = 20

func (s Summary) approvals() string {
	if len(s.Event.Approvals) == 0 {
		return "none named"
	}
	var names []string
	for i, a := range s.Event.Approvals {
		if i == mostApprovals {
			names = append(names, "and others")
			break
		}
		names = append(names, text(a))
	}
	return strings.Join(names, ", ")
}

// result says what became of the deployment.
func (s Summary) result() string {
	out := or(text(s.State), "not known")
	if !s.Final {
		out += " (not final)"
	}
	if s.Reason != "" {
		out += ": " + text(s.Reason)
	}
	return out
}

// rollbackEntry is the second entry of the runbook, which refers to the deployment.
func (s Summary) rollbackEntry(p *page) {
	p.line("\n## Rollback\n")
	p.line("- Refers to: the deployment %s of version %s, started %s", code(or(s.Event.ID, s.Watch)), or(text(s.version()), "unknown"), instant(s.Times.Started))
	p.line("- What broke: %s", s.whatBroke())
	if s.RolledBack {
		p.line("- What: back to %s", s.backTo())
		p.line("- When: %s", instant(s.changed()))
		p.line("- Who: %s%s", or(text(s.actor()), "unknown"), s.approvedBy())
		p.line("- Did it help: %s", s.answer())
	} else {
		p.line("- What: %s", s.whatCame())
	}
	p.line("- Root cause: not known yet. %s", blank("the cause, once it is known"))
	p.line("- Prevention plan: %s", blank("what keeps this from happening again"))
}
