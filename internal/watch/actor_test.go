package watch

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/incident"
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

func (w *world) queries() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.samples)
}

const helped = "shop/checkout v2 was rolled back, and it helped"

func TestABadReleaseIsRolledBackOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		ended := w.await(p, RolledBack)
		synctest.Wait()
		require.Len(t, w.patched(), 1)
		require.Contains(t, w.told(), helped)
		require.Equal(t, RolledBack, w.recorded(ended.Key))
	})
}

// A journal that takes nothing stops everything that would have to be recorded first, and loses nothing.
func TestNothingIsDoneThatIsNotRecorded(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
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
		require.LessOrEqual(t, w.queries(), 2, "what waits to be stored is not measured again")
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
				inBubble(t, func(t *testing.T, w *world) {
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
	inBubble(t, func(t *testing.T, w *world) {
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
	inBubble(t, func(t *testing.T, w *world) {
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

// A cache that still shows what was live before the patch must not make it look as if somebody had undone it.
func TestACacheThatLagsBehind(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
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
	inBubble(t, func(t *testing.T, w *world) {
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
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.await(p, Verifying)
		time.Sleep(2 * time.Second)
		p.stop()
		time.Sleep(time.Hour)
		w.await(w.run(), RolledBack)
	})
}
