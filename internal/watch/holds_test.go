package watch

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/control"
)

// Who holds a workload while it is being rolled back is not told that nothing is.
func TestAHoldThatComesTooLateForARollbackSaysSo(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.failing(func(call string, _ bool) error {
			if call == "cluster.apply" {
				return errors.New("the API server is away")
			}
			return nil
		})
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.await(p, RollingBack)
		reply := w.asks(p, control.Hold, control.Request{For: "1h"})
		require.True(t, reply.OK, reply.Message)
		require.Contains(t, reply.Message, "but the rollback of shop/checkout v2 has begun already, and is finished")
		w.failing(nil)
		w.await(p, RolledBack)
		require.Len(t, w.patched(), 1)
		require.NotContains(t, w.asks(p, control.Hold, control.Request{For: "1h"}).Message, "begun")
	})
}

// slowBaseline takes long to measure a baseline.
type slowBaseline struct{ samplerOf }

func (s slowBaseline) Baseline(ctx context.Context, sig analyzer.Signal, sub analyzer.Subject, span analyzer.Span) (analyzer.Baseline, error) {
	time.Sleep(time.Minute)
	return s.samplerOf.Baseline(ctx, sig, sub, span)
}

// A watch that has nothing to decide yet keeps nobody waiting who holds its workload, however busy it is.
func TestAHoldIsNotKeptWaitingByABusyWatch(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run(func(o *Options) { o.Sampler = slowBaseline{samplerOf{w}} })
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.await(p, Watching)
		synctest.Wait()
		began := time.Now()
		reply := w.asks(p, control.Hold, control.Request{For: "1h"})
		require.True(t, reply.OK, reply.Message)
		require.Zero(t, time.Since(began))
		require.NotContains(t, reply.Message, "but")
		w.await(p, AwaitingApproval)
		require.Empty(t, w.patched())
	})
}

// slowHolds stores the first hold later than the second.
type slowHolds struct {
	Holds
	mu    sync.Mutex
	calls int
}

func (h *slowHolds) Put(ctx context.Context, key string, value []byte) error {
	h.mu.Lock()
	h.calls++
	first := h.calls == 1
	h.mu.Unlock()
	err := h.Holds.Put(ctx, key, value)
	if first { // the answer to it takes longer
		time.Sleep(time.Second)
	}
	return err
}

// Of two people who hold a workload and let it go at once, the one whose word is stored last is right, in this process as in the next.
func TestOfTwoHoldsTheOneThatIsStoredLastCounts(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run(func(o *Options) { o.Holds = &slowHolds{Holds: o.Holds} })
		var asking sync.WaitGroup
		for _, length := range []string{"1h", "0s"} {
			asking.Go(func() { w.asks(p, control.Hold, control.Request{For: length}) })
			synctest.Wait()
		}
		asking.Wait()
		var stored Hold
		require.NoError(t, json.Unmarshal(w.held[holdKey(checkout())], &stored))
		require.Equal(t, now().Before(stored.Until), p.onHold(checkout(), now()) != nil)
	})
}

// That the answer of NATS was lost does not mean that nothing was stored.
func TestAHoldOfWhichNobodyKnowsIsNotCalledUnstored(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.failing(func(call string, done bool) error {
			if call == "holds.put" && done {
				return errors.New("no answer from NATS in time")
			}
			return nil
		})
		p := w.run()
		reply := w.asks(p, control.Hold, control.Request{For: "1h"})
		require.Equal(t, control.CodeBusy, reply.Code)
		require.Contains(t, reply.Message, "it is not known whether this was stored; it does not count now, and may after a restart; ask again")
		require.Nil(t, p.onHold(checkout(), now()))
		p.stop()
		p = w.run()
		require.NotNil(t, p.onHold(checkout(), now()))
	})
}
