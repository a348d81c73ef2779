package watch

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestStorageThatStoresNothingEndsTheDaemon: a server that answers and stores nothing must not pass for health.
func TestStorageThatStoresNothingEndsTheDaemon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Supervisor{}
		full := errors.New("no space left on device")
		s.storage.report(full, time.Now())
		require.ErrorIs(t, s.StorageError(), full)
		began := time.Now()
		err := s.GuardStorage(t.Context(), 30*time.Second, 5*time.Minute)
		require.ErrorIs(t, err, full)
		require.ErrorContains(t, err, "stored nothing for 30s")
		require.InDelta(t, 31, time.Since(began).Seconds(), 1)
	})
}

// TestABusyMinuteEndsNothing: a server that does not answer in time may do so later, and is not ready until then. One that then says
// that it cannot store has its patience from then on; one that never answers again needs a fresh start too, by and by.
func TestABusyMinuteEndsNothing(t *testing.T) {
	busy := fmt.Errorf("no answer from NATS in time: %w", context.DeadlineExceeded)
	full := errors.New("no space left on device")
	for name, c := range map[string]struct {
		then  func(*storage)
		after time.Duration // how long after the first minute it ends; never if it is 0
		says  string
	}{
		"it stores again":    {func(s *storage) { s.report(nil, time.Now()) }, 0, ""},
		"it refuses":         {func(s *storage) { s.report(full, time.Now()); s.report(busy, time.Now()) }, 30 * time.Second, "stored nothing for 30s"},
		"it says nothing":    {func(s *storage) { s.report(busy, time.Now()) }, 4 * time.Minute, "stored nothing for 5m0s"},
		"it refuses, stores": {func(s *storage) { s.report(full, time.Now()); s.report(nil, time.Now()) }, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &Supervisor{}
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				began := time.Now()
				s.storage.report(busy, time.Now())
				time.AfterFunc(time.Minute, func() { c.then(&s.storage) })
				time.AfterFunc(50*time.Second, func() { require.ErrorIs(t, s.StorageError(), context.DeadlineExceeded) })
				err := s.GuardStorage(ctx, 30*time.Second, 5*time.Minute)
				if c.after == 0 {
					require.NoError(t, err)
					return
				}
				require.ErrorContains(t, err, c.says)
				require.InDelta(t, (time.Minute + c.after).Seconds(), time.Since(began).Seconds(), 2)
			})
		})
	}
}

// TestStorageThatRecovers, or that refuses an entry for what it is, ends nothing.
func TestStorageThatRecovers(t *testing.T) {
	for _, err := range []error{nil, ErrFenced, ErrTooLarge} {
		s := &Supervisor{}
		s.storage.report(errors.New("no space left on device"), time.Now())
		s.storage.report(err, time.Now())
		require.NoError(t, s.StorageError())
	}
}

// TestFailingNamesShow: without a name no event is taken in, so that must not pass for health either.
func TestFailingNamesShow(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run()
		w.failing(func(call string, _ bool) error {
			if call == "names.claim" {
				return errDown
			}
			return nil
		})
		require.ErrorIs(t, p.Accept(t.Context(), w.document()), errDown)
		require.ErrorIs(t, p.StorageError(), errDown)
		w.failing(nil)
		require.NoError(t, p.Accept(t.Context(), w.document()))
		require.NoError(t, p.StorageError())
	})
}
