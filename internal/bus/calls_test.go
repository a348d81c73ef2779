package bus

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// disk stores one write after the other, each in 20 ms, whether or not anybody still waits for it.
type disk struct {
	head   chan struct{}
	writes atomic.Int64
}

func (d *disk) write(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.head <- struct{}{}
		defer func() { <-d.head }()
		d.writes.Add(1)
		time.Sleep(20 * time.Millisecond)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// The ticks of a thousand watches are written at the same moment, to a disk that takes 20 s for all of them: each is written
// once, and none is given up for being at the end of the queue.
func TestManyWritesAtOnceAreEachWrittenOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, d := newCalls(DefaultTimeout), &disk{head: make(chan struct{}, 1)}
		var writing sync.WaitGroup
		var failed atomic.Int64
		for range 1000 {
			writing.Go(func() {
				if c.retry(t.Context(), d.write) != nil {
					failed.Add(1)
				}
			})
		}
		writing.Wait()
		require.Zero(t, failed.Load())
		require.EqualValues(t, 1000, d.writes.Load())
	})
}

// Whoever waits for its turn can give up.
func TestACallThatIsGivenUpHasNoTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCalls(time.Minute)
		release := make(chan struct{})
		var running sync.WaitGroup
		for range callsAtOnce {
			running.Go(func() { _ = c.retry(t.Context(), func(context.Context) error { <-release; return nil }) })
		}
		synctest.Wait()
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := c.retry(short, func(context.Context) error { return errors.New("was called") })
		require.ErrorIs(t, err, context.DeadlineExceeded)
		close(release)
		running.Wait()
		require.NoError(t, c.retry(t.Context(), func(context.Context) error { return nil }))
	})
}
