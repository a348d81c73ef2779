package watch

import (
	"strings"

	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/notifier"
	"github.com/rollbackd/rollbackd/rollback"
)

// This file words what people are told about others who write a workload.

// ownerNotice is what an entry about other owners tells; no title means that nobody is told. While the watch is not over
// the change of state that follows tells of a release that came back.
func ownerNotice(e incident.Entry, before, after Watch) notifier.Notice {
	switch {
	case e.CameBack != nil && before.State.Final():
		return notifier.Notice{
			Kind: notifier.KindUnresolved, Severity: notifier.Page, Open: after.Incident != "", Title: after.name() + " came back after it was rolled back",
			Text:   e.CameBack.String() + "; it is not rolled back again",
			Action: "It is not rolled back again: whoever put it back would do so once more.", Next: "Find who put it back: " + e.CameBack.String(),
		}
	case e.OwnerHold != nil && e.OwnerHold.Phase == incident.HoldStuck:
		return notifier.Notice{
			Severity: notifier.Page, Title: after.name() + ": a GitOps tool is still held off, and cannot be let go", Text: e.OwnerHold.Detail,
			Open: after.openIn(after.State), Next: "Let it go by hand: " + e.OwnerHold.Detail,
		}
	case e.OwnerHold != nil && e.OwnerHold.Phase == incident.HoldReleased:
		return notifier.Notice{
			Severity: notifier.Info, Title: after.name() + ": the GitOps tool that was held off may go on", Text: e.OwnerHold.Detail,
			Open: after.openIn(after.State), Action: "The hold was undone.",
		}
	}
	return notifier.Notice{}
}

// withAdvice adds to the reason of a final state what is to be done because of other owners.
func (w Watch) withAdvice(e incident.Entry) string {
	steps := w.advice()
	if !e.State.Final || len(steps) == 0 {
		return e.State.Reason
	}
	return e.State.Reason + "\n- " + strings.Join(inWords(steps), "\n- ")
}

func (w Watch) advice() []rollback.Step {
	switch {
	case w.State == Held && w.refusal != nil:
		return w.refusal.Advice
	case !w.LandedAt.IsZero() && w.intent != nil:
		return w.intent.Plan.Advice
	}
	return nil
}
