package incident

import (
	"fmt"
	"slices"
	"time"

	"github.com/rollbackd/rollbackd/internal/chart"
	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/rollback"
)

// This file finds the moments which a picture marks beside those of the incident itself: the steps of a canary, what people were asked and
// what they answered, and what was held.

const (
	// mostMoments bounds how many of them a picture shows. A watch has a handful; people who try a thing ten times are told of by the
	// timeline.
	mostMoments = 10
	// longestActor is how many letters of a name stand at a mark.
	longestActor = 20
)

// moments returns the marks of a journal in its order. Of too many the newest are kept.
func moments(entries []Entry) []chart.Mark {
	var out []chart.Mark
	m := moment{}
	for _, e := range entries {
		if words, kind := m.of(e); words != "" {
			out = append(out, chart.Mark{At: e.At, Label: words + " " + clock(e.At), Kind: kind})
		}
	}
	return slices.Clone(out[max(0, len(out)-mostMoments):])
}

func clock(at time.Time) string { return at.UTC().Format(time.TimeOnly) }

// moment knows what of the entries before it a mark depends on.
type moment struct {
	denied bool
}

// of says in a few words what an entry marks; nothing for most.
func (m *moment) of(e Entry) (words string, kind chart.MarkKind) {
	switch {
	case e.Accepted != nil:
		if percent := decodeEvent(e.Accepted).Step; percent > 0 {
			return fmt.Sprintf("canary %d %%", percent), chart.Step
		}
	case e.Step != nil && e.Step.Percent > 0:
		return fmt.Sprintf("canary %d %%", e.Step.Percent), chart.Step
	case e.Control != nil:
		m.denied = m.denied || e.Control.Verb == control.Deny
		return asked(e.Control) + clean(e.Actor, longestActor), chart.Person
	case e.State != nil && e.State.To == stateAwaiting:
		return "approval asked for", chart.Person
	case e.State != nil && e.State.To == stateHeld && !m.denied: // whose own mark tells it
		return "held, not rolled back", chart.End
	case e.Paused != nil && e.Paused.Result == rollback.Landed:
		return "rollout paused", chart.Action
	case e.Resumed != nil && e.Resumed.Result == rollback.Landed:
		return "rollout goes on", chart.Action
	}
	return "", ""
}

// asked says what a person did, up to the person's name.
func asked(c *Control) string {
	switch c.Verb {
	case control.Approve:
		return "approved by "
	case control.Deny:
		return "denied by "
	case control.Abort:
		return "watch ended by "
	case control.Rollback:
		return "rollback asked for by "
	case control.Hold:
		if c.Until.IsZero() {
			return "let go by "
		}
		return "held until " + clock(c.Until) + " by "
	}
	return clean(string(c.Verb), longestActor) + " by "
}
