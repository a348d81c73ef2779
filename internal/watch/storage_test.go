package watch

import (
	"errors"
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
		err := s.GuardStorage(t.Context(), 30*time.Second)
		require.ErrorIs(t, err, full)
		require.ErrorContains(t, err, "stored nothing for 30s")
	})
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
