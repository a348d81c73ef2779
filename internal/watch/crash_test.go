package watch

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/rollback"
)

// The process is killed at every call that reaches the outside world, before the call is carried out or after, and
// starts again soon or late. Every time the release is rolled back, once, and recorded, and people are told.
func TestKilledAtEveryCall(t *testing.T) {
	for _, down := range []time.Duration{time.Second, 45 * time.Second} {
		boundaries := 0
		inBubble(t, func(t *testing.T, w *world) { boundaries = w.killedAt(0, down) })
		require.Greater(t, boundaries, 80)
		for n := 1; n <= boundaries; n++ {
			t.Run(fmt.Sprintf("down for %s/call %d", down, n), func(t *testing.T) {
				inBubble(t, func(t *testing.T, w *world) { w.killedAt(n, down) })
			})
		}
	}
}

// The same of a release whose rollout is paused on suspicion before it is rolled back: whenever the process dies, nothing is
// left paused.
func TestKilledAtEveryCallWhilePaused(t *testing.T) {
	for _, down := range []time.Duration{time.Second, 45 * time.Second} {
		boundaries := 0
		inBubble(t, func(t *testing.T, w *world) {
			w.suspicious()
			boundaries = w.killedAt(0, down)
			require.Len(t, w.whatPaused(), 1)
		})
		for n := 1; n <= boundaries; n++ {
			t.Run(fmt.Sprintf("down for %s/call %d", down, n), func(t *testing.T) {
				inBubble(t, func(t *testing.T, w *world) {
					w.suspicious()
					w.killedAt(n, down)
					require.LessOrEqual(t, len(w.whatPaused()), 1)
					require.Len(t, w.whatResumed(), len(w.whatPaused()))
				})
			})
		}
	}
}

// killedAt plays a whole rollback in which the process dies at the nth boundary, and returns how many there were.
func (w *world) killedAt(n int, down time.Duration) int {
	count, killed := 0, make(chan struct{}, 1)
	w.sendsAreCalls = true
	var dead atomic.Bool
	w.failing(func(call string, _ bool) error {
		if dead.Load() {
			return errDown
		}
		if strings.HasPrefix(call, "sampler.") || strings.HasSuffix(call, ".all") { // reads that nothing depends on, and the start itself
			return nil
		}
		if count++; count == n {
			dead.Store(true)
			killed <- struct{}{}
			return errDown
		}
		return nil
	})
	ctx, cancel := context.WithCancel(w.t.Context())
	p := w.run()
	first := p  // another takes its place while the stream may still be asking this one
	go func() { // the stream hands the event out until it is taken
		for ctx.Err() == nil && first.Accept(ctx, w.document()) != nil {
			time.Sleep(time.Second)
		}
	}()
	over := make(chan struct{})
	go func() {
		select {
		case <-killed:
			cancel()
			p.stop()
			time.Sleep(down)
			dead.Store(false)
			p = w.run()
			for p.Accept(w.t.Context(), w.document()) != nil {
				time.Sleep(time.Second)
			}
		case <-time.After(5 * time.Minute):
		}
		close(over)
	}()
	<-over
	cancel()
	ended := w.await(p, RolledBack)
	time.Sleep(time.Minute)
	require.Len(w.t, w.patched(), 1)
	require.Contains(w.t, w.told(), helped)
	w.failing(nil)
	require.Equal(w.t, RolledBack, w.recorded(ended.Key))
	var kept Watch
	w.mu.Lock()
	defer w.mu.Unlock()
	require.NoError(w.t, json.Unmarshal(w.stored[ended.Key], &kept))
	require.True(w.t, kept.Rendered)
	require.Equal(w.t, RolledBack, kept.State)
	require.Empty(w.t, w.untold(kept))
	return count
}

// untold are the notices of a watch's journal that nobody was ever told, by their IDs. The caller holds the lock.
func (w *world) untold(kept Watch) (out []string) {
	sent := map[string]bool{}
	for _, n := range w.notices {
		sent[n.ID] = true
	}
	before := kept.accepted()
	for _, r := range w.journal[kept.Key] {
		var e incident.Entry
		require.NoError(w.t, json.Unmarshal(r.data, &e))
		after := before.apply(e)
		for _, n := range notices(before, after, []incident.Entry{e}) {
			require.NotEmpty(w.t, n.ID)
			if !sent[n.ID] {
				out = append(out, n.ID+": "+n.Title)
			}
		}
		before = after
	}
	return out
}

// Another process appends first. The loser reads the journal anew and goes on from there, and leaves the winner's
// intent to the winner.
func TestTheLoserNeverPatches(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		var applied atomic.Int32
		var once sync.Once
		w.failing(func(call string, done bool) error {
			if call == "cluster.apply" && !done {
				applied.Add(1)
			}
			if call == "cluster.read" && done {
				once.Do(func() { w.winner(p.Watches()[0]) })
			}
			return nil
		})
		w.await(p, RollingBack)
		time.Sleep(20 * time.Second)
		require.Zero(t, applied.Load(), "the intent is the winner's")
		time.Sleep(30 * time.Second)
		w.await(p, RolledBack) // the winner has died, and the breach goes on
		require.Len(t, w.patched(), 1)
		require.Contains(t, w.patched()[0], "winner")
	})
}

// winner is another process that decides just before ours.
func (w *world) winner(v Watch) {
	plan, refusal := rollback.MakePlan(*v.Pin, w.live, false)
	require.Nil(w.t, refusal)
	for i, e := range []incident.Entry{
		{Kind: incident.KindIntent, Intent: &incident.Intent{ID: "winner", Plan: plan}},
		{Kind: incident.KindState, State: &incident.StateChange{From: string(Regressed), To: string(RollingBack), Reason: "won"}},
	} {
		e.Version, e.Watch, e.At, e.Actor = incident.EntryVersion, v.Key, time.Now(), "rollbackd/other"
		data, err := json.Marshal(e)
		require.NoError(w.t, err)
		w.mu.Lock()
		w.seq++
		w.journal[v.Key] = append(w.journal[v.Key], record{seq: w.seq, id: fmt.Sprint("other", i), data: data})
		w.mu.Unlock()
	}
}
