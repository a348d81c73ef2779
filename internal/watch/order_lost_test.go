package watch

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/rollback"
)

// tardy is a cluster that takes a moment to answer, so that what a process decides on comes after its start.
type tardy struct{ clusterOf }

func (c tardy) Read(ctx context.Context, wl rollback.Workload, sw *rollback.Switch) (rollback.Snapshot, error) {
	time.Sleep(time.Millisecond)
	return c.clusterOf.Read(ctx, wl, sw)
}

// An order of which nobody learned that it was stored is no trap: whoever starts long after it must not take back what has been well since.
func TestAnOrderThatLayIsNotCarriedOut(t *testing.T) {
	for _, tc := range []struct {
		name  string
		down  time.Duration
		state State
	}{
		{"a process that starts soon", time.Minute, RolledBack},
		{"a process that starts much later", 3 * time.Hour, Held},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.errorsIn = 0
				p := w.run()
				w.failing(func(call string, done bool) error {
					if call == "store.create" && done {
						return errors.New("no answer from NATS in time")
					}
					return nil
				})
				reply := w.asks(p, control.Rollback, control.Request{ID: "r1"})
				require.Equal(t, control.CodeBusy, reply.Code)
				require.Contains(t, reply.Message, "may still be done")
				require.Empty(t, p.Watches())
				p.stop()
				w.failing(nil)
				time.Sleep(tc.down)
				p = w.run(func(o *Options) { o.Cluster = tardy{clusterOf{w}} })
				ended := w.await(p, tc.state)
				if tc.state == Held {
					require.Contains(t, ended.Reason, "could not be acted on within 2m0s")
					require.Empty(t, w.patched())
				}
			})
		})
	}
}

// So is one that an open watch has journalled just before the daemon went down.
func TestAnOrderToAnOpenWatchThatLayIsNotCarriedOut(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.errorsIn = 0
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.await(p, Watching)
		w.failing(func(call string, _ bool) error {
			if call == "names.claim" {
				return errors.New("no answer from NATS in time")
			}
			return nil
		})
		require.True(t, w.asks(p, control.Rollback, control.Request{ID: "r1"}).OK)
		p.stop()
		w.failing(nil)
		time.Sleep(10 * time.Minute)
		p = w.run(func(o *Options) { o.Cluster = tardy{clusterOf{w}} })
		require.Contains(t, w.await(p, Held).Reason, "ana let it be rolled back, but it could not be acted on within 2m0s")
		require.Empty(t, w.patched())
	})
}
