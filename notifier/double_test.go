package notifier

import (
	"context"
	"sync"
	"testing"
	"time"
)

func contextFor(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithTimeout(t.Context(), d)
}

// notes is a Memory that lasts as long as the test.
type notes struct {
	mu   sync.Mutex
	kept map[string][]byte
	err  error
}

func (m *notes) Get(_ context.Context, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.kept[key], m.err
}

func (m *notes) Put(_ context.Context, key string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err == nil {
		if m.kept == nil {
			m.kept = map[string][]byte{}
		}
		m.kept[key] = value
	}
	return m.err
}

// inbox collects what an API was sent, in order.
type inbox[T any] struct {
	mu   sync.Mutex
	sent []T
}

func (b *inbox[T]) add(v T) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent = append(b.sent, v)
}

func (b *inbox[T]) take() []T {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.sent
	b.sent = nil
	return out
}
