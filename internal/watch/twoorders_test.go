package watch

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/rollback"
)

// slowRead is a cluster whose first read takes long to answer, and is about what is live then.
type slowRead struct {
	clusterOf
	reads atomic.Int32
}

func (c *slowRead) Read(ctx context.Context, wl rollback.Workload, sw *rollback.Switch) (rollback.Snapshot, error) {
	if c.reads.Add(1) == 1 {
		time.Sleep(8 * time.Second)
	}
	return c.clusterOf.Read(ctx, wl, sw)
}

// Two people who ask for a rollback of the same bad release, one of whom is answered slowly, do not take back two releases.
func TestTwoOrdersAtOnceTakeBackOneRelease(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.errorsIn = 0
		w.mu.Lock()
		w.live.Revisions = append(w.live.Revisions, revisionOf("v0", "0", w.t0.Add(-2*time.Hour)))
		w.mu.Unlock()
		p := w.run(func(o *Options) { o.Cluster = &slowRead{clusterOf: clusterOf{w}} })
		slow := make(chan control.Reply, 1)
		go func() { slow <- w.asks(p, control.Rollback, control.Request{ID: "r1"}) }()
		synctest.Wait()
		quick := w.asks(p, control.Rollback, control.Request{ID: "r2"})
		require.True(t, quick.OK, quick.Message)
		reply := <-slow
		require.False(t, reply.OK, reply.Message)
		require.Contains(t, reply.Message, "another watch of shop/checkout has just begun")
		w.await(p, RolledBack)
		require.Len(t, p.Watches(), 1)
		require.Len(t, w.patched(), 1)
	})
}
