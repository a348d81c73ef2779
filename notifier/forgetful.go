package notifier

import (
	"context"
	"sync"
)

// Forgetful is a Memory for as long as the process runs; its zero value remembers nothing yet. It may be used by several goroutines.
type Forgetful struct {
	mu     sync.Mutex
	values map[string][]byte
}

// Get implements Memory.
func (f *Forgetful) Get(_ context.Context, key string) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.values[key], nil
}

// Put implements Memory.
func (f *Forgetful) Put(_ context.Context, key string, value []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.values == nil {
		f.values = map[string][]byte{}
	}
	f.values[key] = value
	return nil
}
