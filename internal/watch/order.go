package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/rollback"
)

// This file holds what a person orders: a rollback without any breach.

// order rolls a workload back because a person says so. The open watch of the workload does it; without one a watch is
// begun for the purpose, so that it is planned, carried out, checked and recorded as any other rollback.
func (s *Supervisor) order(ctx context.Context, in control.Asked) control.Reply {
	if !in.DryRun {
		if w, again := s.takenBefore(in); again {
			return askedBefore(w)
		}
	}
	open, refused := s.takerOf(in)
	switch {
	case refused.Code != "":
		return refused
	case !in.DryRun && s.rules().ReadOnly:
		return control.Refuse(control.CodeReadOnly, "this rollbackd only reads the cluster (kubernetes.readOnly), and its Role lets it change nothing; roll back by kubectl rollout undo")
	case in.DryRun:
		return s.preview(ctx, in, open)
	case open != nil:
		return s.put(ctx, open, in)
	}
	return s.begin(ctx, in)
}

// begin makes a watch for the sake of a rollback.
func (s *Supervisor) begin(ctx context.Context, in control.Asked) control.Reply {
	e, refused := s.orderedEvent(ctx, in)
	if refused.Code != "" {
		return refused
	}
	policy, _ := ChoosePolicy(s.rules().Policies, e)
	if policy == nil {
		return control.Refuse(control.CodeNoPolicy, "no policy covers %s/%s, so it is not known how to tell whether a rollback helps; add one to the configuration",
			in.Target.Namespace, in.Target.Workload)
	}
	w, err := s.newWatch(ctx, e, Published{Subject: in.Target.Subject(), Data: e.Raw}, policy)
	if err != nil {
		return control.Refuse(control.CodeBusy, "%v", err)
	}
	// What is live was read since it was looked for an open watch. If one has been begun meanwhile, what was read may be what that has put there.
	if w, again := s.takenBefore(in); again {
		return askedBefore(w)
	}
	if open, refused := s.takerOf(in); open != nil || refused.Code != "" {
		return control.Refuse(control.CodeBusy, "another watch of %s/%s has just begun; look with rollbackctl list, and ask again if it is not what you want", in.Target.Namespace, in.Target.Workload)
	}
	w.Order = &Order{By: in.By, At: w.AcceptedAt, Reason: in.Reason, Revision: in.Revision}
	value, err := json.Marshal(w)
	if err == nil {
		err = s.opts.Store.Create(ctx, w.Key, value)
	}
	s.storage.report(err, now())
	if err != nil && !errors.Is(err, ErrExists) {
		// NATS may have stored it, or store it yet. Then the next process finds it.
		return control.Refuse(control.CodeBusy, "it is not known whether the order was stored, and it is not carried out now; if rollbackd is restarted within %s, it may still be done: %v",
			policy.Verify.Deadline, err)
	}
	s.opts.Log.Info("a person ordered a rollback", zap.String("by", in.By), zap.String("watch", w.Key), zap.String("workload", w.workload().String()))
	w.ordered = w.Order
	s.start(w)
	return control.Reply{OK: true, Watch: w.Key, Message: fmt.Sprintf("the rollback of %s begins", w.name())}
}

// orderedEvent says in the form of an event what a person ordered: the version that is live is the one to take back.
func (s *Supervisor) orderedEvent(ctx context.Context, in control.Asked) (event.Event, control.Reply) {
	workload := Watch{Event: orderEvent(in, "", now())}.workload()
	snapshot, err := s.opts.Cluster.Read(ctx, workload, nil)
	if errors.Is(err, rollback.ErrNotFound) {
		return event.Event{}, unknownTo(in, workload)
	}
	if err != nil {
		return event.Event{}, control.Refuse(control.CodeBusy, "%v", err)
	}
	version := snapshot.Version()
	if version == "" {
		return event.Event{}, control.Refuse(control.CodeState, "%s runs an image without a tag and has no version label, so it is not known what to take back", workload)
	}
	e, _, err := s.asSwitched(ctx, orderEvent(in, version, now()), snapshot)
	if err != nil {
		return event.Event{}, control.Refuse(control.CodeBusy, "%v", err)
	}
	raw, err := json.Marshal(e)
	if err != nil {
		return event.Event{}, control.Refuse(control.CodeBusy, "unable to write the order down: %v", err)
	}
	decoded, err := event.Decode(in.Target.Subject(), raw)
	if err != nil { // a version that no event could name
		return event.Event{}, control.Refuse(control.CodeState, "%v", err)
	}
	return decoded, control.Reply{}
}

// orderEvent is the event of an order. Its ID names the request, so that the key of its watch does too.
func orderEvent(in control.Asked, version string, at time.Time) event.Event {
	return event.Event{
		ID: "rollback-" + in.ID, Timestamp: at, Environment: in.Target.Environment, Namespace: in.Target.Namespace,
		Workload: in.Target.Workload, Kind: in.Kind, Version: version, Operator: in.By,
	}
}
