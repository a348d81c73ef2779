package app

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rollbackd/rollbackd/internal/bus"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// stored shows what the leader has stored, for as long as this replica stands by. It is opened by the first who asks, because there is nothing before a
// first replica has led, and this one makes nothing.
type stored struct {
	open   func(ctx context.Context) (*watch.Reader, error)
	mu     sync.Mutex
	reader atomic.Pointer[watch.Reader]
}

func (p process) stored() *stored {
	return &stored{open: func(ctx context.Context) (*watch.Reader, error) {
		cfg := p.settings.now()
		there, err := bus.OpenStored(ctx, p.nc, bus.Options{Instance: cfg.Instance, Environments: cfg.Environments, Log: p.log})
		if err != nil {
			return nil, err
		}
		return watch.NewReader(there, watch.Shelf{Ledger: there, Names: there, Annex: there, Mask: cfg.Diagnosis.Masker()}), nil
	}}
}

// Refresh brings what is shown up to date.
func (s *stored) Refresh(ctx context.Context) error {
	r, err := s.opened(ctx)
	if err != nil {
		return err
	}
	return r.Refresh(ctx, time.Now())
}

func (s *stored) opened(ctx context.Context) (*watch.Reader, error) {
	if r := s.reader.Load(); r != nil {
		return r, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.reader.Load(); r != nil {
		return r, nil
	}
	r, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	s.reader.Store(r)
	return r, nil
}

// Watches implements web.Watches; there are none before Refresh has succeeded once.
func (s *stored) Watches() []watch.Watch {
	if r := s.reader.Load(); r != nil {
		return r.Watches()
	}
	return nil
}

// Get implements web.Watches.
func (s *stored) Get(key string) (watch.Watch, bool) {
	if r := s.reader.Load(); r != nil {
		return r.Get(key)
	}
	return watch.Watch{}, false
}

// Newest implements web.Records.
func (s *stored) Newest(ctx context.Context, q watch.LedgerQuery) ([]incident.Digest, bool, error) {
	r, err := s.opened(ctx)
	if err != nil {
		return nil, false, err
	}
	return r.Newest(ctx, q)
}

// Digest implements web.Records.
func (s *stored) Digest(ctx context.Context, name string) (incident.Digest, error) {
	r, err := s.opened(ctx)
	if err != nil {
		return incident.Digest{}, err
	}
	return r.Digest(ctx, name)
}

// Entries implements web.Records.
func (s *stored) Entries(ctx context.Context, key string) ([]incident.Entry, error) {
	r, err := s.opened(ctx)
	if err != nil {
		return nil, err
	}
	return r.Entries(ctx, key)
}

// remarks are what people should know of a standby beside the configuration.
func (s *stored) remarks() []string {
	if r := s.reader.Load(); r != nil && r.Unreadable() > 0 {
		return []string{fmt.Sprintf("Watches that were stored by another version, and are not shown here: %d.", r.Unreadable())}
	}
	return nil
}
