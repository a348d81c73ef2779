package watch

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// picturesOf are the stored watches of a world, with revisions that grow with each change.
type picturesOf struct {
	*world
	revision uint64
	seen     map[string][]byte
	at       map[string]uint64
	asked    []uint64
}

func (p *picturesOf) Since(ctx context.Context, revision uint64, fn func(string, []byte, uint64) error) error {
	p.asked = append(p.asked, revision)
	return storeOf{p.world}.All(ctx, func(key string, value []byte) error {
		if !bytes.Equal(p.seen[key], value) {
			p.revision++
			p.seen[key], p.at[key] = value, p.revision
		}
		if p.at[key] <= revision {
			return nil
		}
		return fn(key, value, p.at[key])
	})
}

func readerOf(w *world) (*Reader, *picturesOf) {
	p := &picturesOf{world: w, seen: map[string][]byte{}, at: map[string]uint64{}}
	return NewReader(p, w.options().shelf()), p
}

// shown is what a page has of a watch, whatever its times' locations are. The newest numbers of one that has ended are known only to who carried it.
func shown(w Watch) []string {
	v := w.View()
	out := []string{v.ID, string(v.State), v.Reason, v.Target, v.Incident, v.AcceptedAt.UTC().String(), v.Since.UTC().String(), v.T0.UTC().String(), v.LandedAt.UTC().String()}
	if v.Final {
		return out
	}
	out = append(out, string(v.Verdict), v.LastTick.UTC().String())
	for _, a := range v.Signals {
		value, limit := a.Shown()
		out = append(out, a.Signal, value, limit, a.Reason)
	}
	return out
}

// A reader shows at every moment of a rollback what the process that carries the watch shows, the newest numbers included.
func TestReaderShowsWhatTheLeaderShows(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		r, pictures := readerOf(w)
		require.NoError(t, r.Refresh(t.Context(), time.Now()))
		require.Empty(t, r.Watches())
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		seen, numbers := map[State]bool{}, 0
		for end := time.Now().Add(30 * time.Minute); !seen[RolledBack] && time.Now().Before(end); {
			time.Sleep(2 * readAgainAfter)
			synctest.Wait() // a tick may end in this very moment
			require.NoError(t, r.Refresh(t.Context(), time.Now()))
			all := p.Watches()
			require.Len(t, all, 1)
			require.Len(t, r.Watches(), 1)
			require.Equal(t, shown(all[0]), shown(r.Watches()[0]))
			one, ok := r.Get(all[0].Key)
			require.True(t, ok)
			require.Equal(t, shown(all[0]), shown(one))
			seen[one.State] = true
			if !one.State.Final() && len(one.View().Signals) > 0 {
				numbers++
			}
		}
		require.True(t, seen[Watching] && seen[Verifying] && seen[RolledBack], "%v", seen)
		require.NotZero(t, numbers)
		require.Zero(t, r.Unreadable())
		require.Subset(t, pictures.asked, []uint64{0, 1, 2}, "only what changed is read again")
		require.Len(t, w.patches, 1)
	})
}

// What cannot be read leaves what was known; a journal that cannot be read leaves the picture.
func TestReaderWhileStorageIsAway(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.await(p, Watching)
		r, _ := readerOf(w)
		away := errors.New("away")
		w.failing(func(call string, _ bool) error {
			if call == "journal.read" {
				return away
			}
			return nil
		})
		require.NoError(t, r.Refresh(t.Context(), time.Now()))
		require.Equal(t, Watching, r.Watches()[0].State)
		require.Empty(t, r.Watches()[0].View().Signals)

		w.failing(func(call string, _ bool) error {
			if call == "store.all" {
				return away
			}
			return nil
		})
		time.Sleep(readAnewAfter + time.Second)
		require.ErrorIs(t, r.Refresh(t.Context(), time.Now()), away)
		require.Len(t, r.Watches(), 1)

		w.failing(nil)
		require.NoError(t, r.Refresh(t.Context(), time.Now()))
		require.Equal(t, shown(p.Watches()[0]), shown(r.Watches()[0]))
	})
}

// What another version has stored is counted, and hides nothing else.
func TestReaderPassesOverWhatItCannotRead(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.await(p, Watching)
		w.mu.Lock()
		w.stored["production.shop.other"] = []byte(`{"format":99}`)
		w.mu.Unlock()
		r, _ := readerOf(w)
		require.NoError(t, r.Refresh(t.Context(), time.Now()))
		require.Len(t, r.Watches(), 1)
		require.Equal(t, 1, r.Unreadable())
		_, ok := r.Get("production.shop.other")
		require.False(t, ok)
	})
}
