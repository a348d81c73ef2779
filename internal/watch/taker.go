package watch

import (
	"fmt"
	"slices"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/rollback"
)

// This file holds who carries a person's order out.

// takerOf returns the open watch that carries an order out; nil if one is to be begun for it. Of several it is the newest one that
// can: an announcement of something that never arrives must not keep people from taking back what is live. Where none can, it
// is the newest, which says why. Workloads of two kinds may have one name, so that a person must say which is meant.
func (s *Supervisor) takerOf(in control.Asked) (*actor, control.Reply) {
	var all []*actor
	for _, a := range s.open() {
		if w := a.view.Load(); !w.State.Final() && w.Event.Target() == in.Target && (in.Kind == "" || w.workload().Kind == kindOf(in.Kind)) {
			all = append(all, a)
		}
	}
	if len(all) == 0 {
		return nil, control.Reply{}
	}
	kind := all[0].view.Load().workload().Kind
	for _, a := range all {
		if other := a.view.Load().workload().Kind; other != kind {
			return nil, control.Refuse(control.CodeAmbiguous, "a %s and a %s of the name %s/%s are being watched; say which is meant, with --kind",
				min(kind, other), max(kind, other), in.Target.Namespace, in.Target.Workload)
		}
	}
	able := slices.DeleteFunc(slices.Clone(all), func(a *actor) bool { return a.view.Load().objection(in, now()).Code != "" })
	if len(able) > 0 {
		all = able
	}
	return slices.MaxFunc(all, func(a, b *actor) int {
		return a.view.Load().AcceptedAt.Compare(b.view.Load().AcceptedAt)
	}), control.Reply{}
}

func kindOf(k event.Kind) rollback.Kind { return rollback.KindNamed(string(k)) }

// unknownTo says that the cluster does not have the workload of an order.
func unknownTo(in control.Asked, w rollback.Workload) control.Reply {
	hint := ""
	if in.Kind == "" && w.Kind == rollback.KindDeployment {
		hint = "; where it is a StatefulSet or a DaemonSet, say so with --kind"
	}
	return control.Refuse(control.Code(event.CodeUnknownWorkload), "the cluster has no %s %s%s", w.Kind, w, hint)
}

// takenBefore returns the watch that was given the same order before; a request that comes twice is carried out once.
func (s *Supervisor) takenBefore(in control.Asked) (Watch, bool) {
	if w, ok := s.Get(orderEvent(in, "", now()).Key()); ok {
		return w, true
	}
	for _, w := range s.Watches() {
		if w.Event.Target() == in.Target && w.hasOrder(in) {
			return w, true
		}
	}
	return Watch{}, false
}

// hasOrder reports whether the watch was given this very order before.
func (w Watch) hasOrder(in control.Asked) bool {
	return in.Verb == control.Rollback && in.ID != "" && slices.Contains(w.Orders, in.ID)
}

// askedBefore answers an order that was given before.
func askedBefore(w Watch) control.Reply {
	return control.Reply{OK: true, Watch: w.Key, Message: fmt.Sprintf("the rollback of %s was asked for before: the watch is %s", w.name(), w.State)}
}

// orderObjection returns why a watch cannot carry an order out, as it stands. What no word of a person overrules is said before
// the order is taken: one that is refused later ends the watch, and nobody would look after the release.
func (w Watch) orderObjection(in control.Asked) control.Reply {
	switch w.State {
	case Watching, Regressed, AwaitingApproval:
	case Pending:
		return control.Refuse(control.CodeState, "the watch of %s still waits for that version to be live (%s); to roll back what is live now, end it with rollbackctl abort %s and ask again",
			w.name(), w.Reason, w.Key)
	default:
		return control.Refuse(control.CodeState, "the watch of %s is %s (%s); it must end before another rollback can begin", w.name(), w.State, w.Reason)
	}
	w.ordered = &Order{By: in.By, Reason: in.Reason, Revision: in.Revision}
	if r := w.forbidden(); r != nil {
		return control.Refuse(control.Code(r.Code), "%s", r.Reason)
	}
	return control.Reply{}
}
