package watch

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// loseJournals deletes every journal, as whoever deletes the stream does.
func (w *world) loseJournals() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.journal = map[string][]record{}
}

// TestLostJournalRollsNothingBack: the release is bad, and was about to be rolled back when its journal was deleted.
// The watch ends, whether the daemon is running then or starts later, and what was written of it before is kept.
func TestLostJournalRollsNothingBack(t *testing.T) {
	for name, restarted := range map[string]bool{"running": false, "started later": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				p := w.run()
				require.NoError(t, p.Accept(t.Context(), w.document()))
				w.await(p, Watching)
				time.Sleep(15 * time.Second) // a breach is held
				synctest.Wait()
				if restarted {
					p.stop()
				}
				written := len(w.written)
				w.loseJournals()
				if restarted {
					p = w.run()
				}
				got := w.await(p, Inconclusive)
				require.Equal(t, journalLost, got.Reason)
				time.Sleep(time.Hour)
				synctest.Wait()
				w.mu.Lock()
				defer w.mu.Unlock()
				require.Empty(t, w.patches)
				require.Len(t, w.written, written)
				for _, record := range w.written {
					require.False(t, record.State.Final(), "a record without its history replaced one with it")
				}
			})
		})
	}
}

// TestLostJournalEndsEveryState: none is left that may act, and what may have been done is not denied.
func TestLostJournalEndsEveryState(t *testing.T) {
	for state, want := range map[State]State{
		Pending: Inconclusive, Watching: Inconclusive, Regressed: Held, RollingBack: Failed, Verifying: RolledBackUnverified,
	} {
		next, entries := lostJournal(Watch{State: state}, "test", time.Now())
		require.Equal(t, want, next.State)
		require.Len(t, entries, 1)
	}
}
