package app

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/notifier"
)

// counting is a sink that counts what it is told; slow ones take their time.
type counting struct {
	name string
	slow time.Duration

	mu   *sync.Mutex
	told map[string]int
}

func (c counting) Name() string { return c.name }

func (c counting) Notify(ctx context.Context, n notifier.Notice) (bool, error) {
	if c.slow > 0 {
		select {
		case <-time.After(c.slow):
		case <-ctx.Done():
			return true, ctx.Err()
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told[n.ID]++
	return false, nil
}

// nobody records nothing, and knows of no incident.
type nobody struct{}

func (nobody) Told(notifier.Delivery)           {}
func (nobody) OpenIncidents() []notifier.Notice { return nil }

// Pipelines are replaced again and again while notices are sent by many: each is told once. Those that a slow sink has not been told when its pipeline ends
// are told by the next.
func TestNothingIsLostOrToldTwiceWhenPipelinesChange(t *testing.T) {
	b, _ := openBus(t)

	sink := counting{name: "chat", slow: 5 * time.Millisecond, mu: &sync.Mutex{}, told: map[string]int{}}
	metrics := notifier.NewMetrics(prometheus.NewRegistry())
	pipeline := func() *notifier.Dispatcher {
		d, err := notifier.New(notifier.Options{
			Receivers: []notifier.Receiver{{Sink: sink}}, Outbox: b.Outbox(), Metrics: metrics, Grace: 100 * time.Millisecond,
		})
		require.NoError(t, err)
		return d
	}
	tellers := newTellers(pipeline())
	tellers.serve(nobody{}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- tellers.Run(ctx) }()

	const senders, each, every = 4, 50, 10
	var sending sync.WaitGroup
	another := make(chan struct{})
	for s := range senders {
		sending.Go(func() {
			for i := range each {
				tellers.Send(notifier.Notice{ID: fmt.Sprintf("%d-%d", s, i), Title: "t", Severity: notifier.Page, At: time.Now()})
				tellers.Kept(ctx)
				if i%every == 0 { // while the others go on
					another <- struct{}{}
				}
			}
		})
	}
	go func() { sending.Wait(); close(another) }()
	for range another {
		tellers.replace(pipeline())
	}
	for deadline := time.Now().Add(60 * time.Second); ; <-time.After(20 * time.Millisecond) {
		sink.mu.Lock()
		n := len(sink.told)
		sink.mu.Unlock()
		if n == senders*each {
			break
		}
		require.True(t, time.Now().Before(deadline), "told %d of %d", n, senders*each)
	}
	// The last one is replaced as the daemon stops: what it was sent is stored for the next run.
	last := pipeline()
	tellers.replace(last)
	cancel()
	require.NoError(t, <-done)
	sink.mu.Lock()
	defer sink.mu.Unlock()
	for id, n := range sink.told {
		require.Equal(t, 1, n, id)
	}
}

// What is sent to a pipeline that never ran, because the daemon stopped first, is in the outbox.
func TestAPipelineThatNeverRanLosesNothing(t *testing.T) {
	b, _ := openBus(t)
	sink := counting{name: "chat", slow: time.Hour, mu: &sync.Mutex{}, told: map[string]int{}}
	pipeline := func() *notifier.Dispatcher {
		d, err := notifier.New(notifier.Options{
			Receivers: []notifier.Receiver{{Sink: sink}}, Outbox: b.Outbox(), Metrics: notifier.NewMetrics(nil), Grace: 50 * time.Millisecond, Deadline: 50 * time.Millisecond,
		})
		require.NoError(t, err)
		return d
	}
	tellers := newTellers(pipeline())
	tellers.replace(pipeline())
	tellers.Send(notifier.Notice{ID: "last", Title: "t", Severity: notifier.Page, At: time.Now()})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, tellers.Run(ctx))
	var left []string
	require.NoError(t, b.Outbox().All(t.Context(), func(id string, _ []byte) error { left = append(left, id); return nil }))
	require.Equal(t, []string{"last"}, left)
}
