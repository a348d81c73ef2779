package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/rollback"
)

var errDown = errors.New("down")

// entriesOf reads the world's only journal.
func (w *world) entries() []incident.Entry {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []incident.Entry
	for _, records := range w.journal {
		for _, r := range records {
			var e incident.Entry
			require.NoError(w.t, json.Unmarshal(r.data, &e))
			out = append(out, e)
		}
	}
	return out
}

func (w *world) patched() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.patches)
}

// told returns the titles of the notices.
func (w *world) told() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var titles []string
	for _, n := range w.notices {
		titles = append(titles, n.Title)
	}
	return titles
}

// recorded returns the state for which the files of a watch were written last.
func (w *world) recorded(key string) State {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.written[key].State
}

const helped = "shop/checkout v2 was rolled back, and it helped"

func TestABadReleaseIsRolledBackOnce(t *testing.T) {
	inBubble(t, func(w *world) {
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		ended := w.await(p, RolledBack)
		require.Len(t, w.patched(), 1)
		require.Contains(t, w.told(), helped)
		synctest.Wait()
		require.Equal(t, RolledBack, w.recorded(ended.Key))
	})
}

// A journal that takes nothing stops everything that would have to be recorded first, and loses nothing.
func TestNothingIsDoneThatIsNotRecorded(t *testing.T) {
	inBubble(t, func(w *world) {
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.await(p, Watching)
		w.failing(func(call string, _ bool) error {
			if call == "journal.append" {
				return errDown
			}
			return nil
		})
		time.Sleep(90 * time.Second)
		require.Empty(t, w.patched())
		require.Equal(t, Watching, p.Watches()[0].State)
		w.failing(nil)
		w.await(p, RolledBack)
		require.Len(t, w.patched(), 1)
		var before time.Time
		for _, e := range w.entries() {
			if e.Kind == incident.KindTick && e.Tick.Phase == incident.PhaseWatch {
				require.True(t, before.IsZero() || e.Tick.From.Equal(before), "a tick is missing before %s", e.Tick.At)
				before = e.Tick.At
			}
		}
	})
}

// Whatever fails now and then, before it was carried out or after, is tried again.
func TestPassingFailures(t *testing.T) {
	for _, call := range []string{"cluster.read", "cluster.apply", "cluster.landed", "names.claim", "store.put", "journal.append",
		"journal.read", "records.write", "sampler.sample", "sampler.baseline"} {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/done=%v", call, after), func(t *testing.T) {
				inBubble(t, func(w *world) {
					n := 0
					p := w.run()
					require.NoError(t, p.Accept(t.Context(), w.document()))
					w.failing(func(name string, done bool) error {
						if name != call || done != after {
							return nil
						}
						if n++; n%3 != 0 {
							return errDown
						}
						return nil
					})
					ended := w.await(p, RolledBack)
					require.Len(t, w.patched(), 1)
					time.Sleep(2 * rewriteAfter)
					require.Equal(t, RolledBack, w.recorded(ended.Key))
				})
			})
		}
	}
}

// The API server is away from the decision on, and the patch had landed before its answer was lost.
func TestAPatchWhoseAnswerIsLostForLong(t *testing.T) {
	inBubble(t, func(w *world) {
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		away := false
		w.failing(func(call string, done bool) error {
			away = away || call == "cluster.apply" && done
			if away && strings.HasPrefix(call, "cluster.") {
				return errDown
			}
			return nil
		})
		w.await(p, RollingBack)
		time.Sleep(90 * time.Second)
		require.Equal(t, RollingBack, p.Watches()[0].State)
		w.failing(nil)
		w.await(p, RolledBack)
		require.Len(t, w.patched(), 1)
	})
}

func TestAWorkloadDeletedWhileItIsRolledBack(t *testing.T) {
	inBubble(t, func(w *world) {
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.failing(func(call string, _ bool) error {
			if call == "cluster.apply" {
				return errDown
			}
			return nil
		})
		w.await(p, RollingBack)
		w.mu.Lock()
		w.live.UID = ""
		w.mu.Unlock()
		w.await(p, Failed)
	})
}

// The process is killed at every call that reaches the outside world, before the call is carried out or after, and
// starts again soon or late. Every time the release is rolled back, once, and recorded, and people are told.
func TestKilledAtEveryCall(t *testing.T) {
	for _, down := range []time.Duration{time.Second, 45 * time.Second} {
		boundaries := 0
		inBubble(t, func(w *world) { boundaries = w.killedAt(0, down) })
		require.Greater(t, boundaries, 80)
		for n := 1; n <= boundaries; n++ {
			t.Run(fmt.Sprintf("down for %s/call %d", down, n), func(t *testing.T) {
				inBubble(t, func(w *world) { w.killedAt(n, down) })
			})
		}
	}
}

// killedAt plays a whole rollback in which the process dies at the nth boundary, and returns how many there were.
func (w *world) killedAt(n int, down time.Duration) int {
	count, killed := 0, make(chan struct{}, 1)
	var dead atomic.Bool
	w.failing(func(call string, _ bool) error {
		if dead.Load() {
			return errDown
		}
		if strings.HasPrefix(call, "sampler.") || call == "store.all" { // reads that nothing depends on, and the start itself
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
	go func() { // the stream hands the event out until it is taken
		for ctx.Err() == nil && p.Accept(ctx, w.document()) != nil {
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
	require.Len(w.t, w.patched(), 1)
	require.Contains(w.t, w.told(), helped)
	time.Sleep(time.Minute)
	w.failing(nil)
	require.Equal(w.t, RolledBack, w.recorded(ended.Key))
	var kept Watch
	w.mu.Lock()
	defer w.mu.Unlock()
	require.NoError(w.t, json.Unmarshal(w.stored[ended.Key], &kept))
	require.True(w.t, kept.Rendered)
	require.Equal(w.t, RolledBack, kept.State)
	return count
}

// Another process appends first. The loser reads the journal anew and goes on from there, and leaves the winner's
// intent to the winner.
func TestTheLoserNeverPatches(t *testing.T) {
	inBubble(t, func(w *world) {
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
	plan, refusal := rollback.MakePlan(*v.Pin, w.live)
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

// A cache that still shows what was live before the patch must not make it look as if somebody had undone it.
func TestACacheThatLagsBehind(t *testing.T) {
	inBubble(t, func(w *world) {
		before := w.live
		w.lag = &before
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.await(p, Verifying)
		p.ClusterChanged(before.Workload)
		time.Sleep(5 * time.Second)
		require.Equal(t, Verifying, p.Watches()[0].State)
		w.mu.Lock()
		w.lag = nil
		w.mu.Unlock()
		w.await(p, RolledBack)
	})
}

// A newer deployment while the rollback is being verified ends the older watch.
func TestANewerDeploymentWhileVerifying(t *testing.T) {
	inBubble(t, func(w *world) {
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		first := w.await(p, Verifying)
		w.deploy("v2", "4")
		require.NoError(t, p.Accept(t.Context(), w.document(`"d1"`, `"d2"`)))
		time.Sleep(5 * time.Second)
		old, _ := p.Get(first.Key)
		require.Equal(t, RolledBackUnverified, old.State, old.Reason)
	})
}

// What was due while no process ran is asked for before anything is given up.
func TestALongAbsence(t *testing.T) {
	inBubble(t, func(w *world) {
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.await(p, Verifying)
		time.Sleep(2 * time.Second)
		p.stop()
		time.Sleep(time.Hour)
		w.await(w.run(), RolledBack)
	})
}
