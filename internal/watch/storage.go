package watch

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// storage notes whether NATS stores what it is given. A server may answer and yet store nothing: after its disk was
// full, for one, until it is started again. Without its journal no watch can go on, so this must not pass for health.
type storage struct {
	mu sync.Mutex
	// since is from when on nothing has been stored, and refused from when on the server said so itself; err is the newest reason.
	since, refused time.Time
	err            error
}

// silent reports whether a write failed only because no answer came in time, as from a server that has too much to do. What it was
// asked to store may be stored yet.
func silent(err error) bool { return errors.Is(err, context.DeadlineExceeded) }

// report notes the outcome of a write. One that was refused for what it is, and not for the state of the server, is
// as good as stored.
func (s *storage) report(err error, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil || isVerdictOnEntry(err):
		s.since, s.refused, s.err = time.Time{}, time.Time{}, nil
		return
	case s.err == nil:
		s.since = now
	}
	s.err = err
	if s.refused.IsZero() && !silent(err) {
		s.refused = now
	}
}

func (s *storage) failing() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// patience is for how long nothing may be stored before the daemon ends.
type patience struct{ refusing, silent time.Duration }

// overtaxed returns for how long nothing has been stored and why, if that is longer than is waited for.
func (s *storage) overtaxed(most patience, now time.Time) (time.Duration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.err == nil:
		return 0, nil
	case !s.refused.IsZero() && now.Sub(s.refused) > most.refusing:
		return most.refusing, s.err
	case now.Sub(s.since) > most.silent:
		return most.silent, s.err
	}
	return 0, nil
}

// StorageError returns why nothing can be stored; nil while it can.
func (s *Supervisor) StorageError() error {
	return s.storage.failing()
}

// GuardStorage returns an error once the server has refused for the patience to store anything, so that the daemon ends and starts
// afresh: it loses nothing by that, and a server inside the daemon may need it. One that only does not answer in time is busy, which a
// start of all watches at once would not mend; it is waited for as long as silence says. Otherwise it runs until ctx ends.
func (s *Supervisor) GuardStorage(ctx context.Context, refusing, silence time.Duration) error {
	for sleep(ctx, minPause) {
		if span, err := s.storage.overtaxed(patience{refusing: refusing, silent: silence}, time.Now()); err != nil {
			return fmt.Errorf("NATS has stored nothing for %s; starting afresh may help: %w", span, err)
		}
	}
	return nil
}
