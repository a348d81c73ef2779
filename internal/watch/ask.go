package watch

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/event"
)

// maxListed bounds how many watches one answer tells of, those that are open before all others: an answer must fit into a message.
const maxListed = 100

// Ask does what a person asks for, or says why not. It answers once what it says is stored.
func (s *Supervisor) Ask(ctx context.Context, in control.Asked) control.Reply {
	switch in.Verb {
	case control.List:
		return s.list(in.Target, in.Find)
	case control.Hold:
		return s.hold(ctx, in)
	case control.Rollback:
		return s.order(ctx, in)
	case control.Incidents:
		return s.incidents(ctx, in)
	case control.Journal:
		return s.journalPage(ctx, in)
	case control.MayDrill:
		return s.mayDrill(ctx, in)
	case control.MayDeploy:
		return s.mayDeploy(ctx, in)
	case control.Drilled:
		return s.drilled(ctx, in)
	case control.Postmortem:
		return s.reviewed(ctx, in)
	case control.Notices:
		return s.notices(ctx, in)
	case control.RetryNotices:
		return s.retryNotices(ctx, in)
	}
	a, reply := s.addressee(in)
	if a == nil {
		return reply
	}
	return s.put(ctx, a, in)
}

// addressee finds the open watch that a request names. A watch of another workload than the subject's is not found: the
// permissions of NATS are about subjects.
func (s *Supervisor) addressee(in control.Asked) (*actor, control.Reply) {
	s.mu.RLock() // for both, so that what is told is how it stands
	defer s.mu.RUnlock()
	a, w := s.actors[in.Watch], s.ended[in.Watch]
	if a != nil {
		w = *a.view.Load()
	}
	if w.Key == "" || w.Event.Target() != in.Target {
		return nil, control.Refuse(control.CodeUnknown, "there is no watch %s of %s/%s", event.Quote(in.Watch), in.Target.Namespace, in.Target.Workload)
	}
	if a != nil && !w.State.Final() { // one that has just ended may not hear any more
		return a, control.Reply{}
	}
	return nil, control.Refuse(control.CodeState, "the watch of %s has ended: %s (%s)", w.name(), w.State, w.Reason)
}

// put hands a request to its watch and waits for the answer.
func (s *Supervisor) put(ctx context.Context, a *actor, in control.Asked) control.Reply {
	q := asked{Asked: in, reply: make(chan control.Reply, 1)}
	if !a.post(q) {
		return control.Refuse(control.CodeBusy, "the watch is busy; ask again in a moment")
	}
	if s.hasEnded(a.view.Load().Key) {
		// It may have been put there after the watch had emptied its mailbox for good. Or it is what ended the watch: then the watch has
		// taken it and says so itself.
		a.dismiss()
	}
	select {
	case reply := <-q.reply:
		return reply
	case <-ctx.Done():
		return control.Refuse(control.CodeBusy, "the watch has not answered in time; what was asked for may still be done, and rollbackctl list shows it")
	}
}

// hasEnded reports whether nobody carries the watch any more.
func (s *Supervisor) hasEnded(key string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, ended := s.ended[key]
	return ended
}

// dismiss answers all who wait for a watch that has ended. Whoever asks later is told by the supervisor.
func (a *actor) dismiss() {
	for {
		select {
		case in := <-a.mailbox:
			if q, ok := in.(asked); ok {
				q.reply <- a.view.Load().answer(q.Asked, now())
			}
		default:
			return
		}
	}
}

// answer tells a person what came of a request to a watch that stood so before it.
func (w Watch) answer(in control.Asked, at time.Time) control.Reply {
	if w.hasOrder(in) { // two of the same may have been on their way at once
		return askedBefore(w)
	}
	if w.State.Final() {
		return control.Refuse(control.CodeState, "the watch of %s has ended: %s (%s)", w.name(), w.State, w.Reason)
	}
	reply := w.objection(in, at)
	reply.Watch = w.Key
	if reply.Code != "" {
		return reply
	}
	reply.OK = true
	switch in.Verb {
	case control.Approve:
		reply.Message = fmt.Sprintf("the rollback of %s is approved and begins", w.name())
	case control.Deny:
		reply.Message = fmt.Sprintf("the rollback of %s is denied; it stays live", w.name())
	case control.Abort:
		reply.Message = fmt.Sprintf("%s is no longer watched", w.name())
	case control.Rollback:
		reply.Message = fmt.Sprintf("the rollback of %s begins", w.name())
	}
	return reply
}

// foremost returns so many of the watches, in their order: those that are open, of which people decide, and then the first of the others.
func foremost(views []View, most int) []View {
	ended := most
	for _, v := range views {
		if !v.Final {
			ended--
		}
	}
	out := []View{}
	for _, v := range views {
		if v.Final {
			ended--
		}
		if len(out) < most && (!v.Final || ended >= 0) {
			out = append(out, v)
		}
	}
	return out
}

// list tells of the watches of a workload, a namespace or an environment, the newest first; if something is to be found, of those that it names.
func (s *Supervisor) list(t event.Target, find string) control.Reply {
	views := []View{}
	for _, w := range s.Watches() {
		of := w.Event.Target()
		if t.Workload == control.AllWorkloads {
			of.Workload = control.AllWorkloads
		}
		if t.Namespace == control.AllNamespaces {
			of.Namespace = control.AllNamespaces
		}
		if of == t && (find == "" || find == w.Key || find == w.Incident || find == w.Event.ID) {
			v := w.View()
			v.Signals = nil
			views = append(views, v)
		}
	}
	data, err := json.Marshal(foremost(views, maxListed))
	if err != nil {
		return control.Refuse(control.CodeBusy, "unable to list: %v", err)
	}
	reply := control.Reply{OK: true, Watches: data}
	if more := len(views) - maxListed; more > 0 {
		reply.Notes = append(reply.Notes, fmt.Sprintf("%d older ones are not shown", more))
	}
	return reply
}
