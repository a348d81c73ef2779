package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
)

// Published is one message of the DEPLOYMENTS stream.
type Published struct {
	Subject string
	Data    []byte
	// Seq is the message's sequence in the stream.
	Seq uint64
}

// Accept takes a message in: it returns nil once the watch is stored, a *event.Rejection if the event can never be
// watched, and any other error if trying again may help.
func (s *Supervisor) Accept(ctx context.Context, m Published) error {
	e, err := event.Decode(m.Subject, m.Data)
	if err != nil {
		return err
	}
	// What was accepted once is not asked again whether it may be: the policies may have changed since.
	if known, ok := s.Get(e.Key()); ok {
		return s.acceptAgain(ctx, known, e, m)
	}
	policy, rejection := s.admit(e)
	if rejection != nil {
		return rejection
	}
	if taken, err := s.advance(ctx, e, m); taken || err != nil {
		return err
	}
	w, err := s.newWatch(ctx, e, m, policy)
	if err != nil {
		return err
	}
	return s.store(ctx, w, m)
}

// store stores a new watch and runs it, unless it is known.
func (s *Supervisor) store(ctx context.Context, w Watch, m Published) error {
	e := w.Event
	value, err := json.Marshal(w)
	if err != nil {
		return fmt.Errorf("encode the watch: %w", err)
	}
	err = s.opts.Store.Create(ctx, w.Key, value)
	if errors.Is(err, ErrExists) {
		known, err := s.find(ctx, w.Key)
		if err != nil {
			return err
		}
		return s.acceptAgain(ctx, known, e, m)
	}
	s.storage.report(err, now())
	if err != nil {
		return fmt.Errorf("store the watch: %w", err)
	}
	s.opts.Log.Info("event accepted", zap.String("watch", w.Key), zap.String("workload", w.workload().String()),
		zap.String("version", e.Version), zap.String("policy", w.Policy.Name))
	s.start(w)
	return nil
}

// admit checks what an event asks for against what this daemon does and the policies allow.
func (s *Supervisor) admit(e event.Event) (*Policy, *event.Rejection) {
	if r := event.CheckAge(e, now(), s.window()); r != nil && r.Code != event.CodeStale {
		return nil, r
	}
	if r := s.rules().Drills.admit(e); r != nil {
		return nil, r
	}
	policy, rejection := ChoosePolicy(s.rules().Policies, e)
	if rejection != nil {
		return nil, rejection
	}
	return admitCanary(policy, e)
}

// window is how old an event may be to be watched: the longest watch of any policy.
func (s *Supervisor) window() time.Duration {
	longest := 24 * time.Hour
	for _, p := range s.rules().Policies {
		longest = max(longest, p.End())
	}
	return longest
}

// newWatch returns the watch of an event. One that is too old, or that no policy covers, is recorded and not watched.
func (s *Supervisor) newWatch(ctx context.Context, e event.Event, m Published, policy *Policy) (Watch, error) {
	at := now()
	w := Watch{
		Format: recordFormat, Key: e.Key(), Subject: m.Subject, StreamSeq: m.Seq, Document: m.Data, Event: e,
		AcceptedAt: at, State: Pending, Since: at,
	}
	name, err := s.opts.Names.Claim(ctx, "deploy_"+at.Format(incidentStamp), w.Key)
	s.storage.report(err, at)
	if err != nil {
		return Watch{}, fmt.Errorf("claim a name for the deployment's log: %w", err)
	}
	w.LogName = name
	stale := event.CheckAge(e, at, s.window())
	switch {
	case policy == nil:
		w.Unwatched = "not watched: no policy covers this workload"
	case stale != nil:
		w.Unwatched = "not watched: " + stale.Reason
	}
	if policy != nil {
		w.Policy = *policy
	}
	return w, nil
}

// acceptAgain handles an event whose key is known: the same one again, the other of a pair, or a conflict. The first
// of a pair may come after the second, or once more; there is nothing in it then that is not known.
func (s *Supervisor) acceptAgain(ctx context.Context, known Watch, e event.Event, m Published) error {
	if !known.State.Final() {
		s.start(known) // it may have been stored by a call that did not get any further
	}
	switch {
	case known.sameEvent(e), event.Completes(e, known.said()):
		return nil
	case event.Completes(known.said(), e):
		if r := event.CheckAge(e, now(), s.window()); r != nil && r.Code != event.CodeStale {
			return r
		}
		return s.update(ctx, e, m)
	}
	return conflict(e)
}

// conflict tells the publisher of an id that was used for something else.
func conflict(e event.Event) *event.Rejection {
	return &event.Rejection{
		Code: event.CodeConflict, Field: "id", Value: event.Quote(e.ID),
		Reason: "an event with this id was accepted earlier and said something else",
		Fix:    "give every deployment an id of its own; only status, timestamp and verification may change when the same one is announced as complete",
	}
}

// updateWait is how long the second event of a pair may take to be journalled before it is tried again.
const updateWait = time.Second

// update hands the second event of a pair to its watch, and returns nil once the journal holds it, or what a watch that has
// ended makes of it.
func (s *Supervisor) update(ctx context.Context, e event.Event, m Published) error {
	s.mu.RLock()
	a := s.actors[e.Key()]
	s.mu.RUnlock()
	if a == nil {
		ended, err := s.find(ctx, e.Key())
		if err != nil {
			return err
		}
		if event.CheckAge(e, now(), s.window()) != nil {
			return nil // it would not be watched by any other id
		}
		return ended.tooLate()
	}
	in := updated{accepted: incident.Accepted{Subject: m.Subject, StreamSeq: m.Seq, Event: m.Data, Policy: a.view.Load().Policy.Name}, stored: make(chan struct{})}
	return a.hand(ctx, in, in.stored)
}

// hand gives an actor an input and returns once the journal holds it.
func (a *actor) hand(ctx context.Context, in input, stored <-chan struct{}) error {
	if !a.post(in) {
		return errBusy
	}
	timer := time.NewTimer(updateWait)
	defer timer.Stop()
	select {
	case <-stored:
		return nil
	case <-timer.C:
		return errBusy
	case <-ctx.Done():
		return ctx.Err()
	}
}

// errBusy: the watch could not take an event in at once; the event comes again.
var errBusy = errors.New("the watch is busy")
