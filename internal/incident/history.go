package incident

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/freeze"
)

// daemonActor begins the name under which the daemon itself acts; other actors are people and tools.
const daemonActor = "rollbackd/"

// history writes one line an event, with stretches of ticks drawn together.
func history(p *page, s Summary, entries []Entry) {
	p.section("Journal")
	entries = withoutTold(entries)
	if len(entries) == 0 {
		p.line("Nothing is recorded.")
		return
	}
	p.line("Times are UTC; in brackets, the time since the deployment started.\n")
	t, said := newTicks(s), ""
	for len(entries) > 0 {
		if n := stretch(entries); n > 0 {
			p.line("- %s %s", s.stamp(entries[0].Tick.At, entries[n-1].Tick.At), t.describe(entries[:n]))
			said, entries = "", entries[n:]
			continue
		}
		e := entries[0]
		told := s.tell(e)
		if e.State != nil {
			told = tellState(e.State, said)
		}
		p.line("- %s %s%s", s.stamp(e.At, e.At), told, by(e.Actor))
		said, entries = said+told+"\n", entries[1:]
	}
}

// stretch counts the ticks of one phase that entries begin with.
func stretch(entries []Entry) int {
	n := slices.IndexFunc(entries, func(e Entry) bool {
		return e.Tick == nil || e.Tick.Phase != entries[0].tickPhase()
	})
	if n < 0 {
		return len(entries)
	}
	return n
}

func (e Entry) tickPhase() Phase {
	if e.Tick == nil {
		return ""
	}
	return e.Tick.Phase
}

// stamp writes when something happened, or from when to when, and how long that was after the deployment started.
func (s Summary) stamp(from, to time.Time) string {
	when, after := instant(from), s.relative(from)
	if !from.Equal(to) {
		when += " to " + instant(to)
		if after != "" {
			after += " to " + s.relative(to)
		}
	}
	if after == "" {
		return when
	}
	return when + " (" + after + ")"
}

func (s Summary) relative(t time.Time) string {
	if s.Times.Started.IsZero() {
		return ""
	}
	d := t.Sub(s.Times.Started)
	if d.Round(time.Second) < 0 {
		return span(d)
	}
	return "+" + span(d)
}

// by names the actor where it was not the daemon.
func by(actor string) string {
	if actor == "" || strings.HasPrefix(actor, daemonActor) {
		return ""
	}
	return " (by " + text(actor) + ")"
}

// tell says what an entry that is no tick records.
func (s Summary) tell(e Entry) string {
	switch {
	case e.Accepted != nil:
		return tellAccepted(acceptance(e.Accepted), e.Accepted) + ", policy " + or(text(e.Accepted.Policy), "none") + ", mode " + or(text(e.Accepted.Mode), "unknown")
	case e.Updated != nil:
		return tellAccepted("Event updated", e.Updated)
	case e.Pinned != nil:
		return s.tellPinned(e)
	case e.Frozen != nil:
		return "Deployed during the freeze " + frozenFor(*e.Frozen)
	case len(e.Baseline) > 0:
		return tellBaseline(e)
	case e.Verdict != nil && e.Verdict.Phase == PhaseVerify:
		return "Check after the rollback: " + text(string(e.Verdict.Verdict)) + ": " + text(e.Verdict.Reason)
	case e.Verdict != nil:
		return "Verdict " + text(string(e.Verdict.Verdict)) + ": " + text(e.Verdict.Reason)
	default:
		return s.tellAction(e)
	}
}

func (s Summary) tellAction(e Entry) string {
	switch {
	case e.Plan != nil:
		return "Planned: " + text(e.Plan.Summary) + noted(e.Plan.Notes)
	case e.Refusal != nil:
		return "No rollback: " + text(e.Refusal.Reason) + " (" + text(string(e.Refusal.Code)) + ")"
	case e.Intent != nil:
		return "Rollback initiated, intent " + code(e.Intent.ID)
	case e.Outcome != nil:
		return "Rollback: " + Action{Result: e.Outcome.Result, Detail: e.Outcome.Detail}.outcome()
	case e.Rollout != nil:
		return tellRollout(e.Rollout)
	case e.Migration != nil:
		return tellMigration(e.Migration)
	case e.Control != nil:
		return tellControl(e)
	case e.Scale != nil:
		return "Before the switch: " + text(e.Scale.Summary)
	case e.Scaled != nil:
		return "Scaling of the old colour: " + text(string(e.Scaled.Result)) + ": " + text(e.Scaled.Detail)
	case e.OwnerHold != nil:
		return "Hold " + tellHold(e.OwnerHold)
	case e.CameBack != nil:
		return "Came back: " + text(e.CameBack.String())
	case e.Step != nil:
		return tellStep(*e.Step)
	case e.Pause != nil:
		return tellPause(e.Pause)
	case e.Paused != nil:
		return tellPaused(e.Paused)
	case e.Resumed != nil:
		return tellResumed(e.Resumed)
	case e.Postmortem != nil:
		return tellPostmortem(e.Postmortem, e.Actor)
	case e.Drilled != nil:
		return e.Drilled.inWords()
	case e.Diagnosis != nil:
		return tellDiagnosis(e.Diagnosis)
	default:
		return "Entry of a kind that this version does not know: " + text(string(e.Kind))
	}
}

// tellStep tells how large a canary is now, and whether it is judged anew.
func tellStep(step Step) string {
	out := "Step of the canary"
	if step.Percent > 0 {
		out = fmt.Sprintf("Step of the canary to %d %%", step.Percent)
	}
	if step.Look > 0 {
		out += fmt.Sprintf(": it is judged anew, for the %s time", ordinal(step.Look))
	}
	if step.Accepted != nil {
		out += " (" + tellAccepted("event", step.Accepted) + ")"
	}
	return out
}

// ordinal writes the place in a row.
func ordinal(n int) string {
	suffix := "th"
	if n%100 < 11 || n%100 > 13 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return fmt.Sprint(n) + suffix
}

// tellControl tells what a person asked for.
func tellControl(e Entry) string {
	c := e.Control
	did := map[control.Verb]string{
		control.Approve: "approved the rollback", control.Deny: "denied the rollback", control.Abort: "ended the watch",
		control.Rollback: "asked for a rollback", control.Hold: "let go of the workload",
	}[c.Verb]
	if !c.Until.IsZero() {
		did = "stopped automatic rollbacks of the workload until " + instant(c.Until)
	}
	out := text(e.Actor) + " " + or(did, "asked for "+text(string(c.Verb)))
	if c.Revision != "" {
		out += " to revision " + text(c.Revision)
	}
	if c.Reason != "" {
		out += ": " + text(c.Reason)
	}
	return out
}

func acceptance(a *Accepted) string {
	if a.Unannounced {
		return "Seen in the cluster, announced by nobody"
	}
	return "Event accepted"
}

func tellAccepted(what string, a *Accepted) string {
	ev := decodeEvent(a)
	out := what + ": version " + or(text(ev.Version), "unknown") + ", status " + or(text(ev.Status), "success")
	if ev.Operator != "" {
		out += ", operator (as claimed) " + text(ev.Operator)
	}
	return out
}

func (s Summary) tellPinned(e Entry) string {
	out := "Settled: watching " + s.described(versionOf(e.Pinned.Release), nil)
	if e.Pinned.Target == nil {
		return out + "; no version to go back to: " + or(text(e.Pinned.NoTarget), "none is known to be good")
	}
	return out + "; known good is " + s.described(versionOf(*e.Pinned.Target), nil) + ": " + text(e.Pinned.Why)
}

// frozenFor names a freeze and says how long it lasts.
func frozenFor(p freeze.Period) string {
	return text(p.Name) + ", from " + instant(p.From) + " to " + instant(p.Until)
}

func tellBaseline(e Entry) string {
	var parts []string
	for _, b := range e.Baseline {
		ratio, ok := b.Counts.Ratio()
		if !ok && b.Problem != "" {
			parts = append(parts, text(b.Signal)+" none, because "+text(b.Problem))
			continue
		}
		if !ok {
			parts = append(parts, text(b.Signal)+" without requests")
			continue
		}
		parts = append(parts, fmt.Sprintf("%s %s (%s)", text(b.Signal), percent(ratio), share(b.Counts)))
	}
	return "Baseline frozen: " + strings.Join(parts, ", ")
}

// tellState leaves the reason out where the lines just before have said it.
func tellState(c *StateChange, said string) string {
	out := "State " + text(c.To)
	if c.Final {
		out += ", the end of the watch"
	}
	if why := text(strings.TrimPrefix(c.Reason, "not rolled back: ")); why != "" && !strings.Contains(said, why) {
		out += ": " + why
	}
	if c.Incident != "" {
		out += " (" + text(c.Incident) + ")"
	}
	return out
}

func tellRollout(r *RolloutProgress) string {
	what := "Rollout of the deployment: "
	if r.Phase == PhaseVerify {
		what = "Rollout of the rollback: "
	}
	return what + text(r.Message) + completedAt(r.CompletedAt)
}

// anySignal returns the first signal by name that a tick holds.
func anySignal(t *Tick) string {
	names := slices.Sorted(maps.Keys(t.Signals))
	if len(names) == 0 {
		return ""
	}
	return names[0]
}

// noted adds what a plan's maker could not make sure of.
func noted(notes []string) string {
	var b strings.Builder
	for _, n := range notes {
		b.WriteString("; but " + text(n))
	}
	return b.String()
}
