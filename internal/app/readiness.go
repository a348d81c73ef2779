package app

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"
)

// The pace of probing.
const (
	probeEvery   = 2 * time.Second
	probeTimeout = 4 * time.Second
)

var errNotAsked = errors.New("not asked yet")

// check reports whether something that the daemon needs is there.
type check func(ctx context.Context) error

// readiness probes what the daemon needs, in the background, so that asking for it costs and delays nothing.
type readiness struct {
	checks map[string]check
	mu     sync.Mutex
	last   map[string]error
}

func newReadiness(checks map[string]check) *readiness {
	r := &readiness{checks: checks, last: map[string]error{}}
	for name := range checks {
		r.last[name] = errNotAsked
	}
	return r
}

// run probes until ctx ends. Each part is probed by itself, so that one that hangs hides no other.
func (r *readiness) run(ctx context.Context) {
	var probes sync.WaitGroup
	for name, ask := range r.checks {
		probes.Go(func() {
			for ctx.Err() == nil {
				r.probe(ctx, name, ask)
				select {
				case <-ctx.Done():
				case <-time.After(probeEvery):
				}
			}
		})
	}
	probes.Wait()
}

func (r *readiness) probe(ctx context.Context, name string, ask check) {
	bounded, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	err := ask(bounded)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last[name] = err
}

// results returns the newest result for each part.
func (r *readiness) results() map[string]error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.last)
}

// lasting is the newest result of one part; what has not been asked for is not known to be away.
func (r *readiness) lasting(name string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if errors.Is(r.last[name], errNotAsked) {
		return nil
	}
	return r.last[name]
}
