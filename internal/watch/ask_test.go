package watch

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/event"
)

func checkout() event.Target {
	return event.Target{Environment: "production", Namespace: "shop", Workload: "checkout"}
}

// asks has ana ask a process for something.
func (w *world) asks(p *process, verb control.Verb, request control.Request) control.Reply {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	defer cancel()
	return p.Ask(ctx, control.Asked{By: "ana", Verb: verb, Target: checkout(), Request: request})
}

func TestAnApprovalIsCarriedOut(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run(func(o *Options) { o.Policies[0].Stages[0].Mode, o.Policies[0].Stages[1].Mode = Approve, Approve })
		require.NoError(t, p.Accept(t.Context(), w.document()))
		waiting := w.await(p, AwaitingApproval)
		require.Empty(t, w.patched())
		require.Equal(t, control.CodeUnknown, w.asks(p, control.Approve, control.Request{Watch: "production.shop.other"}).Code)
		elsewhere := control.Asked{By: "ana", Verb: control.Approve, Target: checkout(), Request: control.Request{Watch: waiting.Key}}
		elsewhere.Target.Workload = "cart"
		require.Equal(t, control.CodeUnknown, p.Ask(t.Context(), elsewhere).Code, "the subject's workload is what the permission is about")
		reply := w.asks(p, control.Approve, control.Request{Watch: waiting.Key, Reason: "seen it"})
		require.True(t, reply.OK, reply.Message)
		w.await(p, RolledBack)
		require.Len(t, w.patched(), 1)
		require.Equal(t, control.CodeState, w.asks(p, control.Deny, control.Request{Watch: waiting.Key}).Code, "it has ended")
	})
}

func TestAHoldOutlivesTheProcessAndEnds(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		first := w.run()
		reply := w.asks(first, control.Hold, control.Request{For: "10m", Reason: "load test"})
		require.True(t, reply.OK, reply.Message)
		first.stop()
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		waiting := w.await(p, AwaitingApproval)
		require.Contains(t, waiting.Reason, "ana holds the workload: load test until ")
		require.Empty(t, w.patched())
		require.True(t, w.asks(p, control.Approve, control.Request{Watch: waiting.Key}).OK)
		w.await(p, RolledBack)
		require.NotNil(t, p.onHold(checkout(), now()))
		require.Nil(t, p.onHold(checkout(), now().Add(10*time.Minute)))
		require.True(t, w.asks(p, control.Hold, control.Request{For: "0s"}).OK)
		require.Nil(t, p.onHold(checkout(), now()))
	})
}

// A healthy release is rolled back because a person says so, without any watch of it; the order is known again when it comes
// twice, also by another process.
func TestAnOrderWithoutAWatch(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.errorsIn = 0
		p := w.run()
		preview := w.asks(p, control.Rollback, control.Request{DryRun: true})
		require.True(t, preview.OK, preview.Message)
		require.Contains(t, preview.Diff, "v1")
		require.Empty(t, p.Watches(), "a dry run leaves nothing behind")
		require.Empty(t, w.patched())

		order := control.Request{ID: "r1", Reason: "checkout is empty for guests"}
		reply := w.asks(p, control.Rollback, order)
		require.True(t, reply.OK, reply.Message)
		again := w.asks(p, control.Rollback, order)
		require.True(t, again.OK)
		require.Equal(t, reply.Watch, again.Watch)
		w.await(p, RolledBack)
		require.Len(t, w.patched(), 1)
		require.Equal(t, reply.Watch, w.asks(p, control.Rollback, order).Watch)
		require.Len(t, p.Watches(), 1)
	})
}

func TestAnOrderIsGivenToTheOpenWatch(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.errorsIn = 0
		p := w.run(func(o *Options) {
			for i := range o.Policies[0].Stages {
				o.Policies[0].Stages[i].Mode = Observe
			}
		})
		require.NoError(t, p.Accept(t.Context(), w.document()))
		open := w.await(p, Watching)
		reply := w.asks(p, control.Rollback, control.Request{ID: "r1"})
		require.True(t, reply.OK, reply.Message)
		require.Equal(t, open.Key, reply.Watch)
		w.await(p, RolledBack)
		require.Len(t, p.Watches(), 1)
	})
}

func TestAnOrderNeedsAPolicy(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run(func(o *Options) { o.Policies[0].Match = []Match{{Namespace: "bank"}} })
		require.Equal(t, control.CodeNoPolicy, w.asks(p, control.Rollback, control.Request{ID: "r1"}).Code)
		require.Empty(t, p.Watches())
	})
}

func TestListShowsAWorkloadOrANamespace(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		for workload, n := range map[string]int{"checkout": 1, control.AllWorkloads: 1, "cart": 0} {
			target := checkout()
			target.Workload = workload
			reply := p.Ask(t.Context(), control.Asked{By: "ana", Verb: control.List, Target: target})
			var views []View
			require.NoError(t, json.Unmarshal(reply.Watches, &views))
			require.Len(t, views, n, workload)
		}
	})
}
