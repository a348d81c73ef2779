package watch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/rollback"
)

// newerThan returns the event of a newer watch of the same workload that has settled, if there is one. This waits
// for the newer version to be live, so that an event for a version that never comes does not end the watch of the
// one that is.
func (s *Supervisor) newerThan(w Watch) (event.Event, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, a := range s.actors {
		o := a.view.Load()
		if o.Key != w.Key && o.sameWorkload(w) && o.Pin != nil && o.AcceptedAt.After(w.AcceptedAt) && !w.beside(*o) {
			return o.Event, true
		}
	}
	return event.Event{}, false
}

// watcherOf returns the key of an earlier watch that is open and follows the release that is live now: the same
// deployment was announced again under another id. Judging it twice would tell of it twice. A watch that has acted, or
// that could not be taken up from its journal, follows nothing, nor does one with another switch follow this.
func (s *Supervisor) watcherOf(w Watch, snapshot rollback.Snapshot) string {
	if snapshot.Live == nil {
		return ""
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, a := range s.actors {
		o := a.view.Load()
		if o.Key != w.Key && o.sameWorkload(w) && o.Pin != nil && !o.resumed.IsZero() &&
			(o.State == Watching || o.State == Regressed || o.State == AwaitingApproval) && o.Pin.Release.UID == snapshot.Live.UID && o.AcceptedAt.Before(w.AcceptedAt) && w.repeats(*o) {
			return o.Key
		}
	}
	return ""
}

// pastOf returns what the earlier watches of a watch's workload found out, and of the other colour of a switch, those
// still open included. They come in the order of their deployments, the newest first, whatever order their events came in.
func (s *Supervisor) pastOf(w Watch, snapshot rollback.Snapshot) []rollback.PastWatch {
	concerned := map[rollback.Workload]bool{w.workload(): true}
	if snapshot.Switch != nil {
		for _, old := range snapshot.Switch.Old {
			concerned[old.Workload] = true
		}
	}
	earlier := s.matching(func(o *Watch) bool {
		return concerned[o.workload()] && o.Key != w.Key && o.Event.Environment == w.Event.Environment && o.Pin != nil && o.AcceptedAt.Before(w.AcceptedAt)
	})
	var past []rollback.PastWatch
	for _, o := range earlier {
		past = append(past, o.past())
	}
	slices.SortStableFunc(past, func(a, b rollback.PastWatch) int { return b.T0.Compare(a.T0) })
	return past
}

// Watches returns all watches, the newest first.
func (s *Supervisor) Watches() []Watch { return s.matching(func(*Watch) bool { return true }) }

// Get returns one watch.
func (s *Supervisor) Get(key string) (Watch, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if a, ok := s.actors[key]; ok {
		return *a.view.Load(), true
	}
	w, ok := s.ended[key]
	return w, ok
}

// open returns the actors whose watches are not final.
func (s *Supervisor) open() []*actor {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]*actor, 0, len(s.actors))
	for _, a := range s.actors {
		out = append(out, a)
	}
	return out
}

// start adds a watch that has been stored and runs it, if Run runs already. One that is known is left alone.
func (s *Supervisor) start(w Watch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, running := s.actors[w.Key]; running {
		return
	}
	if _, ended := s.ended[w.Key]; ended { // since it was looked for
		return
	}
	a := newActor(s, w)
	s.actors[w.Key] = a
	s.pokeGuards(w.workload())       // this may be the deployment that they wait for
	s.opts.Cache.Watch(w.workload()) // under the lock, so that no retiring watch of the workload forgets it
	if s.launch != nil {
		s.launch(a)
	}
}

// errNotOurs marks a stored watch that came to be while an event was being handled.
var errNotOurs = errors.New("stored by another process")

// now is when things happen to events; everything pure gets it as an argument.
func now() time.Time { return time.Now().UTC() }

// find returns a watch that is running or ended here, or reads it from the store.
func (s *Supervisor) find(ctx context.Context, key string) (Watch, error) {
	if w, ok := s.Get(key); ok {
		return w, nil
	}
	value, err := s.opts.Store.Get(ctx, key)
	if err != nil {
		return Watch{}, fmt.Errorf("%w: %w", errNotOurs, err)
	}
	return decode(value)
}

// sameEvent reports whether an event says what the watch already knows.
func (w Watch) sameEvent(e event.Event) bool {
	return event.SameBody(w.said(), e)
}

// said is the event that the watch goes by, with its document.
func (w Watch) said() event.Event {
	e := w.Event
	e.Raw = w.Document
	return e
}
