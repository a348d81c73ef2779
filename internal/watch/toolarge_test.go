package watch

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/incident"
)

// narrow is a journal that does not take the first entry of one kind.
type narrow struct {
	Journal
	kind    incident.Kind
	refused atomic.Bool
}

func (n *narrow) Append(ctx context.Context, key, id string, data []byte, last uint64) (uint64, error) {
	if bytes.Contains(data, fmt.Appendf(nil, `"kind":%q`, n.kind)) && n.refused.CompareAndSwap(false, true) {
		return 0, fmt.Errorf("%w: 1300000 bytes", ErrTooLarge)
	}
	return n.Journal.Append(ctx, key, id, data, last)
}

// What the journal will never take is not done, and nobody is told that it is.
func TestARequestThatCannotBeRecordedIsRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.errorsIn = 0
		p := w.run(func(o *Options) { o.Journal = &narrow{Journal: o.Journal, kind: incident.KindControl} })
		require.NoError(t, p.Accept(t.Context(), w.document()))
		open := w.await(p, Watching)
		reply := w.asks(p, control.Rollback, control.Request{ID: "r1"})
		require.False(t, reply.OK, reply.Message)
		require.Equal(t, control.CodeState, reply.Code)
		require.Contains(t, reply.Message, "has ended: Inconclusive (it cannot be recorded")
		time.Sleep(time.Second)
		ended, _ := p.Get(open.Key)
		require.Equal(t, Inconclusive, ended.State)
		require.Empty(t, w.patched())
	})
}

// A step of a canary that ended its watch, because it could not be recorded, is not called taken: it comes again, and is watched by itself.
func TestAStepThatCannotBeRecordedIsNotCalledTaken(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.errorsIn = 0
		p := w.run(func(o *Options) { o.Journal = &narrow{Journal: o.Journal, kind: incident.KindStep} })
		require.NoError(t, p.Accept(t.Context(), w.canaryOf("a", 5)))
		first := w.await(p, Watching)
		require.ErrorIs(t, p.Accept(t.Context(), w.canaryOf("b", 25)), errBusy)
		require.Eventually(t, func() bool { return p.Accept(t.Context(), w.canaryOf("b", 25)) == nil }, time.Minute, time.Second)
		second := w.await(p, Watching)
		require.NotEqual(t, first.Key, second.Key)
		require.Equal(t, 25, second.percent())
		ended, _ := p.Get(first.Key)
		require.Equal(t, Inconclusive, ended.State)
	})
}
