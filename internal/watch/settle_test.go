package watch

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/rollback"
)

// TestAReleaseWhosePodsCannotBeToldApartIsNotWatched: where a ReplicaSet's name is cut in its pods' names, they might be
// another's, and a healthy release would be judged by them.
func TestAReleaseWhosePodsCannotBeToldApartIsNotWatched(t *testing.T) {
	w := newTestWatch(func(*Watch) {})
	shown := clusterShows("v2")
	for _, r := range []*rollback.Revision{shown.Live, &shown.Revisions[0]} {
		r.ReplicaSet = "very-long-deployment-name-for-the-checkout-service-of-shop1-6d5f8c7b9"
		r.PodPrefix = r.ReplicaSet[:58]
	}
	after, _, want := Next(w, observed{snapshot: shown}, "rollbackd/test", w.AcceptedAt)
	require.Equal(t, Inconclusive, after.State)
	require.Contains(t, after.Reason, "at most 46 characters")
	require.Equal(t, effectNone, want)
}

// TestTheSameReleaseAnnouncedAgainIsJudgedOnce: a pipeline that repeats its event under another id makes no second
// incident, and the first watch goes on.
func TestTheSameReleaseAnnouncedAgainIsJudgedOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		first := w.await(p, Watching)
		time.Sleep(time.Second)
		require.NoError(t, p.Accept(t.Context(), w.document(`"d1"`, `"d2"`)))
		second := w.await(p, Superseded)
		require.Contains(t, second.Reason, "announced again")
		require.Contains(t, second.Reason, first.Key)
		require.Eventually(t, func() bool {
			v, _ := p.Get(first.Key)
			return v.State == RolledBack
		}, 5*time.Minute, time.Second)
		require.Len(t, w.patched(), 1)
	})
}

// TestAnEntryThatIsTooLargeEndsItsWatch: it is said, instead of being tried for ever, and nothing is acted on that
// cannot be recorded.
func TestAnEntryThatIsTooLargeEndsItsWatch(t *testing.T) {
	for call, ends := range map[int]State{3: Inconclusive, 12: Inconclusive} {
		t.Run(fmt.Sprint("entry ", call), func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				p := w.run()
				n := 0
				w.failing(func(name string, done bool) error {
					if name == "journal.append" && !done {
						if n++; n == call {
							return fmt.Errorf("%w: 1300000 bytes", ErrTooLarge)
						}
					}
					return nil
				})
				require.NoError(t, p.Accept(t.Context(), w.document()))
				synctest.Wait()
				ended := w.await(p, ends)
				require.Contains(t, ended.Reason, "cannot be recorded")
				require.Empty(t, w.patched())
			})
		})
	}
}
