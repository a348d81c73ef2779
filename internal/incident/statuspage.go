package incident

import (
	"fmt"

	"github.com/rollbackd/rollbackd/analyzer"
)

// StatusPage drafts what could be told to users of the service. It is sent to nobody: a person reads it, makes it fit, and publishes it. It says
// nothing about versions, people, metrics or causes.
func StatusPage(entries []Entry) []byte {
	s := Fold(entries)
	var p page
	p.line("> A draft, sent to nobody. Check it, say in your users' words what they noticed, and publish it where they look.")
	p.line("")
	p.line("# %s: %s", text(or(s.Event.Workload, "The service")), s.noticed())
	p.line("")
	p.line("**Status:** %s", s.publicStatus())
	p.line("")
	if began := s.Times.FirstBreach; !began.IsZero() {
		p.line("- %s UTC: %s.", began.UTC().Format("2006-01-02 15:04"), s.beganInWords())
	}
	if s.initiated() && !s.Times.Initiated.IsZero() {
		p.line("- %s UTC: We began to undo a recent change.", s.Times.Initiated.UTC().Format("2006-01-02 15:04"))
	}
	if s.Restored {
		p.line("- %s UTC: The service was back to normal.", s.Times.Restored.UTC().Format("2006-01-02 15:04"))
	}
	if came := s.Times.CameBack; s.CameBack != nil && !came.IsZero() {
		p.line("- %s UTC: The change that we had undone was made again.", came.UTC().Format("2006-01-02 15:04"))
	}
	p.line("")
	p.line("%s", s.publicOutlook())
	return p.Bytes()
}

// noticed says in a few words what users may have noticed.
func (s Summary) noticed() string {
	switch lead := s.Decision.Lead(); {
	case lead == nil:
		return "a problem"
	case lead.Kind == analyzer.KindErrorRate:
		return "errors"
	case lead.Kind == analyzer.KindLatency:
		return "slow answers"
	}
	return "a problem"
}

func (s Summary) beganInWords() string {
	lead := s.Decision.Lead()
	if lead != nil && lead.Kind == analyzer.KindErrorRate && lead.Value > 0 {
		return fmt.Sprintf("About %s of requests began to fail", percent(lead.Value))
	}
	if lead != nil && lead.Kind == analyzer.KindLatency {
		return "Requests began to take longer than usual"
	}
	return "We noticed a problem"
}

// publicStatus is one of the words that status pages use.
func (s Summary) publicStatus() string {
	switch {
	case s.Restored && s.CameBack == nil:
		return "Resolved"
	case s.State == stateNotRecovered:
		return "Investigating"
	case s.CameBack != nil:
		return "Identified"
	case s.RolledBack:
		return "Monitoring"
	case s.Decision != nil:
		return "Identified"
	}
	return "Investigating"
}

func (s Summary) publicOutlook() string {
	switch s.publicStatus() {
	case "Resolved":
		return "The problem is solved. We will look into how it came about."
	case "Monitoring":
		return "A recent change was undone. We are watching whether this has solved the problem."
	case "Identified":
		return "We know which change is behind this and are working on it."
	}
	if s.RolledBack {
		return "Undoing a recent change has not solved the problem. We are looking for another cause."
	}
	return "We are looking into it."
}
