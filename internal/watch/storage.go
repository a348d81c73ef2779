package watch

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// storage notes whether NATS stores what it is given. A server may answer and yet store nothing: after its disk was
// full, for one, until it is started again. Without its journal no watch can go on, so this must not pass for health.
type storage struct {
	mu    sync.Mutex
	since time.Time
	err   error
}

// report notes the outcome of a write. One that was refused for what it is, and not for the state of the server, is
// as good as stored.
func (s *storage) report(err error, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil || isVerdictOnEntry(err):
		s.since, s.err = time.Time{}, nil
	case s.err == nil:
		s.since, s.err = now, err
	default:
		s.err = err
	}
}

func (s *storage) failing() (time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.since, s.err
}

// StorageError returns why nothing can be stored; nil while it can.
func (s *Supervisor) StorageError() error {
	_, err := s.storage.failing()
	return err
}

// GuardStorage returns an error once nothing could be stored for the patience, so that the daemon ends and starts
// afresh: it loses nothing by that, and a server inside the daemon may need it. Otherwise it runs until ctx ends.
func (s *Supervisor) GuardStorage(ctx context.Context, patience time.Duration) error {
	for sleep(ctx, minPause) {
		if since, err := s.storage.failing(); err != nil && time.Since(since) > patience {
			return fmt.Errorf("NATS has stored nothing for %s; starting afresh may help: %w", patience, err)
		}
	}
	return nil
}
