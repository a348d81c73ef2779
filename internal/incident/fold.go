package incident

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/rollback"
)

// Fold tells what entries, in the order of their sequence, amount to. Any true prefix of a journal folds too.
func Fold(entries []Entry) Summary {
	s := Summary{Baselines: []analyzer.Baseline{}, Entries: len(entries)}
	for _, e := range entries {
		s.add(e)
	}
	s.Times.FirstBad = firstBad(entries, s.Decision)
	s.review, _ = reviewOf(entries)
	s.RolledBack = s.landed()
	if !s.RolledBack {
		s.NotRolledBack = s.whyNot()
	}
	return s
}

// add folds one entry in. The body decides, not the kind: a kind written by a later version is passed over.
func (s *Summary) add(e Entry) {
	if s.Watch == "" {
		s.Watch = e.Watch
	}
	if e.Told != nil { // it tells of others, and not of the release
		s.addTold(e)
		return
	}
	s.Times.Last = e.At
	s.owners(e)
	switch {
	case e.Accepted != nil:
		s.Event, s.Policy, s.Mode = decodeEvent(e.Accepted), e.Accepted.Policy, e.Accepted.Mode
		s.Times.Accepted, s.prometheus = e.At, pageAddress(e.Accepted.Prometheus)
	case e.Updated != nil:
		s.Event.update(decodeEvent(e.Updated))
	case e.Pinned != nil:
		s.pin(e.Pinned)
	case e.Frozen != nil:
		s.Freeze = e.Frozen
	case len(e.Baseline) > 0:
		s.Baselines = withoutTicks(e.Baseline)
	case e.Verdict != nil:
		s.judge(e)
	case e.State != nil:
		s.move(e)
	case e.Plan != nil:
		s.Plan, s.Refusal = new(moveOf(*e.Plan)), nil
	case e.Refusal != nil:
		s.Refusal = e.Refusal
	case e.Intent != nil:
		s.act(e)
	case e.Outcome != nil:
		s.conclude(e)
	case e.Rollout != nil:
		s.progress(e)
	case e.Control != nil:
		s.decided(e)
	case e.Migration != nil:
		s.migrate(e.Migration)
	case e.Drilled != nil:
		s.addDrilled(e)
	case e.Step != nil && e.Step.Percent > 0:
		s.Event.Step = e.Step.Percent
	}
}

func (s *Summary) pin(p *rollback.Pin) {
	s.Release = new(versionOf(p.Release))
	s.Target = nil
	if p.Target != nil {
		s.Target = new(versionOf(*p.Target))
	}
	s.TargetWhy, s.NoTarget, s.oldColour = p.Why, p.NoTarget, oldColourOf(*p)
	s.Times.Started = p.T0
}

func versionOf(r rollback.Revision) Version {
	return Version{Version: r.Version, ReplicaSet: r.ReplicaSet, Revision: r.Number, Hash: r.Hash, Images: r.Images}
}

func moveOf(p rollback.Plan) Move {
	return Move{
		Summary: p.Summary,
		From:    Version{Version: p.FromVersion, Revision: p.FromRevision, Hash: p.FromHash},
		To:      Version{Version: p.ToVersion, ReplicaSet: p.ToReplicaSet, Revision: p.ToRevision, Hash: p.ToHash},
	}
}

func (s *Summary) judge(e Entry) {
	j := judgementOf(e)
	if e.Verdict.Phase == PhaseVerify {
		// What broke is what must be well again, so the check is told by the same signal.
		if s.Decision != nil && j.of(s.Decision.Signal) != nil {
			j.Signal = s.Decision.Signal
		}
		s.Verification = j
		return
	}
	s.Latest = j
	if j.Verdict != analyzer.Regressed {
		return
	}
	s.Decision = j
	s.Times.Decided = e.At
	s.Times.FirstBreach = j.At
	if lead := j.Lead(); lead != nil && !lead.Since.IsZero() {
		s.Times.FirstBreach = lead.Since
	}
}

// judgementOf picks the signal that decided: the first whose own verdict is that of the whole.
func judgementOf(e Entry) *Judgement {
	v := e.Verdict
	j := &Judgement{At: e.At, Verdict: v.Verdict, Reason: v.Reason, Signals: []analyzer.Assessment{}, Evidence: v.Evidence, Required: v.Required, Queries: v.Queries, Graphs: v.Graphs}
	for _, a := range v.Signals {
		j.Signals = append(j.Signals, finite(a))
	}
	if len(j.Signals) > 0 {
		i := slices.IndexFunc(j.Signals, func(a analyzer.Assessment) bool { return a.Verdict == v.Verdict })
		j.Signal = j.Signals[max(i, 0)].Signal
	}
	return j
}

// finite replaces what JSON cannot hold: a ratio of nothing is no number.
func finite(a analyzer.Assessment) analyzer.Assessment {
	for _, f := range []*float64{&a.Value, &a.Window, &a.Baseline, &a.Limit, &a.Held, &a.Required} {
		if math.IsNaN(*f) || math.IsInf(*f, 0) {
			*f = 0
		}
	}
	return a
}

func (s *Summary) move(e Entry) {
	s.State, s.Reason, s.Final = e.State.To, e.State.Reason, e.State.Final
	s.Times.State, s.Times.ApprovalUntil = e.At, e.State.Until
	if e.State.Incident != "" {
		s.Incident = e.State.Incident
	}
	if e.State.To == stateRolledBack {
		s.Restored, s.Times.Restored = true, e.At
	}
}

// decided notes who let the rollback happen, or asked for it; the intent follows.
func (s *Summary) decided(e Entry) {
	if e.Control.Verb != control.Approve && e.Control.Verb != control.Rollback {
		return
	}
	if s.Action == nil {
		s.Action = &Action{}
	}
	s.Action.ApprovedBy = e.Actor
}

func (s *Summary) act(e Entry) {
	approvedBy := ""
	if s.Action != nil {
		approvedBy = s.Action.ApprovedBy
	}
	s.Action = &Action{Intent: e.Intent.ID, Actor: e.Actor, ApprovedBy: approvedBy, Move: moveOf(e.Intent.Plan)}
	s.Times.Initiated, s.Times.Landed = e.At, time.Time{}
	s.Refusal = nil
	s.orderMigration(e.Intent)
}

func (s *Summary) conclude(e Entry) {
	if s.Action == nil || s.Action.Intent != e.Outcome.Intent {
		return
	}
	if e.Outcome.Result == rollback.Outdated { // it is planned anew, and the plan before is as if it had never been
		s.Action = &Action{ApprovedBy: s.Action.ApprovedBy}
		s.Times.Initiated = time.Time{}
		return
	}
	s.Action.Result, s.Action.Detail = e.Outcome.Result, e.Outcome.Detail
	if e.Outcome.Result == rollback.Landed {
		s.Times.Landed = e.At
	}
}

func (s *Summary) progress(e Entry) {
	at := time.Time{}
	if e.Rollout.Done {
		at = e.Rollout.CompletedAt
		if at.IsZero() {
			at = e.At
		}
	}
	if e.Rollout.Phase == PhaseVerify {
		s.Return, s.Times.RolloutComplete = e.Rollout, at
		return
	}
	s.Rollout, s.Times.Completed = e.Rollout, at
}

// firstBad finds the first tick of the breach that decided in which anything failed.
func firstBad(entries []Entry, decision *Judgement) time.Time {
	lead := decision.Lead()
	if lead == nil || lead.Since.IsZero() {
		return time.Time{}
	}
	for _, e := range entries {
		if e.Tick == nil || e.Tick.Phase != PhaseWatch || e.Tick.At.Before(lead.Since) {
			continue
		}
		if e.Tick.Signals[lead.Signal].Total().K > 0 {
			return e.Tick.At
		}
	}
	return time.Time{}
}

// initiated reports whether an intent was written; an approval alone is none.
func (s Summary) initiated() bool { return s.Action != nil && s.Action.Intent != "" }

// landed reports whether a rollback was accepted by the API server.
func (s Summary) landed() bool {
	switch s.State {
	case stateRolledBack, stateUnverified, stateNotRecovered:
		return true
	}
	return s.initiated() && s.Action.Result == rollback.Landed
}

// whyNot says why nothing was rolled back, or not yet.
func (s Summary) whyNot() string {
	switch {
	case s.initiated() && s.Action.Result == rollback.Superseded:
		return because("somebody changed the workload first", s.Action.Detail)
	case s.initiated() && s.Action.Result == rollback.Failed:
		return because("the change was not made", s.Action.Detail)
	case s.initiated():
		return "the outcome is not recorded yet"
	case s.Refusal != nil:
		return s.Refusal.Reason
	case s.State == stateSuperseded:
		return because("superseded", s.Reason)
	case s.State == stateAwaiting:
		return because("waiting for approval", s.Reason)
	case s.Reason != "":
		// The reason stands where "not rolled back" is said already.
		return strings.TrimPrefix(s.Reason, "not rolled back: ")
	case s.State != "":
		return "the watch is in state " + s.State
	default:
		return "nothing has been decided"
	}
}

func because(what, detail string) string {
	if detail == "" {
		return what
	}
	return what + ": " + detail
}

// withoutTicks leaves out of baselines what only judging needs; the journal has it.
func withoutTicks(all []analyzer.Baseline) []analyzer.Baseline {
	out := slices.Clone(all)
	for i := range out {
		out[i].Step, out[i].Ticks, out[i].Values, out[i].Shown = 0, nil, nil, nil
	}
	return out
}
