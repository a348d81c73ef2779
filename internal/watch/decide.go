package watch

import (
	"fmt"
	"slices"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/rollback"
)

// This file holds the part of Next that people bring about.

// defaultApprovalFor is how long a person may take where the policy does not say.
const defaultApprovalFor = time.Hour

// Order is a person's order to roll back, or a person's leave to do so.
type Order struct {
	By     string    `json:"by"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason,omitempty"`
	// Revision is the one to go back to; empty means the known-good version.
	Revision string `json:"revision,omitempty"`
}

// asked: a person asks for something. What cannot be granted changes nothing.
type asked struct {
	control.Asked
	// reply takes the answer, once what it says is in the journal; it is never waited for.
	reply chan control.Reply
}

func (asked) isInput() {}

// objection returns why a watch cannot do what a person asks, as it stands; no code means that it can.
func (w Watch) objection(in control.Asked, now time.Time) control.Reply {
	switch in.Verb {
	case control.Approve, control.Deny:
		if w.State != AwaitingApproval {
			return control.Refuse(control.CodeState, "nothing waits for approval: the watch of %s is %s (%s)", w.name(), w.State, w.Reason)
		}
		if in.Verb == control.Approve && !w.breaching(now) {
			return w.noBreach()
		}
	case control.Abort:
		if !w.State.CanBecome(Aborted) {
			return control.Refuse(control.CodeState, "the watch of %s is %s and cannot be aborted; what has begun is finished, so that nothing is left half done", w.name(), w.State)
		}
	case control.Rollback:
		return w.orderObjection(in)
	}
	return control.Reply{}
}

// noBreach refuses to approve what is not known to be bad now. A breach that nobody has measured lately may go on.
func (w Watch) noBreach() control.Reply {
	if w.judgement.Verdict == analyzer.Regressed {
		return control.Refuse(control.CodeBreach, "whether the breach of %s goes on is not known: the newest measurement is that of %s (%s); approve it once there is a newer one, or use rollbackctl rollback to roll back all the same",
			w.name(), w.lastTick.UTC().Format(time.RFC3339), w.presentReason())
	}
	return control.Refuse(control.CodeBreach, "the newest measurement of %s does not show the breach any more (%s); to roll back all the same, use rollbackctl rollback",
		w.name(), w.presentReason())
}

func (w Watch) presentReason() string {
	if w.judgement.Reason == "" {
		return "nothing has been measured yet"
	}
	return w.judgement.Reason
}

// asked records what a person asked for and does what follows from it.
func (s *step) asked(in asked) {
	if s.watch.hasOrder(in.Asked) || s.watch.objection(in.Asked, s.now).Code != "" {
		return
	}
	record := &incident.Control{Verb: in.Verb, Reason: in.Reason, Request: in.ID, Revision: in.Revision}
	if in.Verb == control.Hold {
		if d, err := in.HoldFor(); err == nil && d > 0 {
			record.Until = s.now.Add(d)
		}
	}
	s.addAs(in.By, incident.Entry{Kind: incident.KindControl, Control: record})
	s.heed()
}

// heed does what follows from the newest thing that a person asked for. It is looked at again when the watch is taken up
// after a crash that came before it was done.
func (s *step) heed() {
	word := s.watch.word
	if word == nil {
		return
	}
	switch {
	case word.Verb == control.Deny && s.watch.State == AwaitingApproval:
		s.become(Held, "not rolled back: "+saying(word.by, "denied it", word.Reason))
	case word.Verb == control.Abort:
		s.become(Aborted, saying(word.by, "ended the watch", word.Reason))
	}
}

// saying tells what a person did, and why if that was said.
func saying(by, did, reason string) string {
	if reason == "" {
		return by + " " + did
	}
	return fmt.Sprintf("%s %s: %s", by, did, reason)
}

// word is the newest thing that a person asked of a watch.
type word struct {
	incident.Control
	by string
}

// applyControl folds in what a person asked for.
func (w Watch) applyControl(e incident.Entry) Watch {
	w.word = &word{Control: *e.Control, by: e.Actor}
	order := &Order{By: e.Actor, At: e.At, Reason: e.Control.Reason, Revision: e.Control.Revision}
	switch e.Control.Verb {
	case control.Rollback:
		w.ordered = order
		if e.Control.Request != "" {
			w.Orders = append(slices.Clip(w.Orders), e.Control.Request)
		}
	case control.Approve:
		w.approved = order
	}
	return w
}

// leave is by whose word a rollback goes ahead; nil if nobody has said anything.
func (w Watch) leave() *Order {
	if w.ordered != nil {
		return w.ordered
	}
	return w.approved
}

// allowed reports whether a rollback may go ahead despite a refusal: what only asks for a person is answered by one. So is a stage that only
// observes: an approval is given in a wait that began in an earlier one, and a stage change withdraws nothing.
func (w Watch) allowed(r *rollback.Refusal) bool {
	return r == nil || w.leave() != nil && (r.Asks() || r.Code == rollback.RefuseObserve)
}

// orderStands reports whether a person's order is young enough to be carried out on the person's word alone. One that a process finds which
// starts long after it was given was meant for what was live then.
func (w Watch) orderStands(now time.Time) bool {
	return w.ordered != nil && now.Sub(w.notBefore(w.ordered.At)) <= w.Policy.Verify.Deadline
}

// actionable reports whether the watch is to be rolled back now, as far as its own measurements and people's words go. An order
// needs no breach while it is young; an approval needs the one that it was given for.
func (w Watch) actionable(now time.Time) bool {
	switch {
	case w.orderStands(now):
		return true
	case w.State == AwaitingApproval && w.approved == nil && !w.provenSince():
		return false
	}
	return w.breaching(now)
}

// provenSince reports whether a watch waits for a person only because chance was not ruled out well enough, and by now it is: then the
// person need not be waited for any longer. Whatever else was found to speak for a person since then is newer, and is waited for.
func (w Watch) provenSince() bool {
	return w.refusal != nil && w.refusal.Code == rollback.RefuseUnproven && w.undecided() == nil
}

// await waits for a person where only one may decide, and otherwise holds.
func (s *step) await(r *rollback.Refusal) {
	s.add(incident.Entry{Kind: incident.KindRefusal, Refusal: r})
	s.become(AwaitingApproval, r.Reason)
}

// waiting looks whether a watch that waits for a person has waited for too long. Nothing else ends the wait: the breach
// may come and go, and a stage that is over withdraws nothing.
func (s *step) waiting() {
	w, limit := s.watch, s.watch.approvalFor()
	switch {
	case w.leave() != nil:
		if s.overtime(w.notBefore(w.leave().At), w.Policy.Verify.Deadline) {
			s.become(Held, fmt.Sprintf("not rolled back: %s, but it could not be acted on within %s%s",
				saying(w.leave().By, "let it be rolled back", ""), w.Policy.Verify.Deadline, w.hindered()))
		}
	case s.overtime(w.Since, limit):
		s.become(Held, fmt.Sprintf("not rolled back: nobody approved it within %s", limit))
	}
}
