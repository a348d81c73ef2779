package bus

import (
	"errors"
	"fmt"
	"sync"
)

var errNotConsuming = errors.New("not consuming events")

// health holds what is wrong, or nil.
type health struct {
	mu  sync.Mutex
	err error
}

func (h *health) set(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.err = err
}

func (h *health) get() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.err
}

// Ready says why events would not arrive or be handled now: no connection, no consumer, a consumer of which nothing is
// heard, a stream that is missing, or people who are not heard. It is nil when they would.
func (b *Bus) Ready() error {
	if !b.nc.IsConnected() {
		return fmt.Errorf("not connected to NATS: %s", b.nc.Status())
	}
	wrong := []error{b.health.get(), b.missing.get(), b.control.get()}
	for _, s := range b.options.Sources {
		if err := b.sources[s.Name].get(); err != nil {
			wrong = append(wrong, fmt.Errorf("source %s: %w", s.Name, err))
		}
	}
	return errors.Join(wrong...)
}
