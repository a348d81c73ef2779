package notifier

import (
	"context"
	"fmt"
	"sync"
)

// late is a Sink that cannot be made yet, such as one whose secret is not there. It is made when it can be: until then each notice is tried
// again as if its receiver were away, so that a mistake in what a sink needs keeps nobody else from being told, and nothing from being rolled back.
type late struct {
	name string
	make func() (Sink, error)

	mu   sync.Mutex
	made Sink
}

// NewLate returns a Sink that is made by the function once that returns no error. It does not pass on what only some sinks can, such as Refresh.
func NewLate(name string, make func() (Sink, error)) Sink { return &late{name: name, make: make} }

func (l *late) Name() string { return l.name }

func (l *late) Notify(ctx context.Context, n Notice) (retry bool, err error) {
	sink, err := l.sink()
	if err != nil {
		return true, fmt.Errorf("the sink cannot be made yet: %w", err)
	}
	return sink.Notify(ctx, n)
}

func (l *late) sink() (Sink, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.made != nil {
		return l.made, nil
	}
	sink, err := l.make()
	if err == nil {
		l.made = sink
	}
	return sink, err
}
