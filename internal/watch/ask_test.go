package watch

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/rollback"
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

// TestAReadOnlyDaemonTakesNoOrder, but shows what a rollback would do.
func TestAReadOnlyDaemonTakesNoOrder(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run(func(o *Options) { o.ReadOnly = true })
		refused := w.asks(p, control.Rollback, control.Request{ID: "r1"})
		require.Equal(t, control.CodeReadOnly, refused.Code)
		require.Contains(t, refused.Message, "kubernetes.readOnly")
		require.Empty(t, p.Watches())
		require.NotEqual(t, control.CodeReadOnly, w.asks(p, control.Rollback, control.Request{ID: "r2", DryRun: true}).Code)
		rules := p.rules()
		rules.ReadOnly = false
		p.Replace(rules)
		require.True(t, w.asks(p, control.Rollback, control.Request{ID: "r3"}).OK)
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

// The subject of a request does not tell the kind of the workload.
func TestAnOrderSaysWhichKindIsMeant(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.errorsIn = 0
		reads := &kindsRead{clusterOf: clusterOf{w}}
		p := w.run(func(o *Options) { o.Cluster = reads })
		w.mu.Lock()
		w.live.Workload.Kind = rollback.KindStatefulSet
		w.mu.Unlock()

		for _, dry := range []bool{true, false} {
			reply := w.asks(p, control.Rollback, control.Request{ID: "r1", DryRun: dry})
			require.Equal(t, control.Code(event.CodeUnknownWorkload), reply.Code)
			require.Equal(t, "the cluster has no Deployment shop/checkout; where it is a StatefulSet or a DaemonSet, say so with --kind", reply.Message)
			reply = w.asks(p, control.Rollback, control.Request{ID: "r1", DryRun: dry, Kind: event.KindDaemonSet})
			require.Equal(t, "the cluster has no DaemonSet shop/checkout", reply.Message)
		}
		require.Empty(t, p.Watches())

		order := control.Request{ID: "r1", Kind: event.KindStatefulSet}
		preview := order
		preview.DryRun = true
		shown := w.asks(p, control.Rollback, preview)
		require.True(t, shown.OK, shown.Message)
		reply := w.asks(p, control.Rollback, order)
		require.True(t, reply.OK, reply.Message)
		ended := w.await(p, RolledBack)
		require.Equal(t, "StatefulSet", ended.View().Kind)
		require.Equal(t, reply.Watch, ended.Key)
	})
}

// kindsRead is a cluster that has its workload as one kind only.
type kindsRead struct{ clusterOf }

func (c *kindsRead) Read(ctx context.Context, wl rollback.Workload, sw *rollback.Switch) (rollback.Snapshot, error) {
	s, err := c.clusterOf.Read(ctx, wl, sw)
	if err == nil && s.Workload.Kind != wl.Kind {
		return rollback.Snapshot{}, rollback.ErrNotFound
	}
	return s, err
}

// A Deployment and a StatefulSet may have one name, and be watched both.
func TestAnOrderForOneOfTwoKindsOfOneName(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.errorsIn = 0
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		deployment := w.await(p, Watching)
		require.NoError(t, p.Accept(t.Context(), w.document(`"d1"`, `"d2"`, `"version"`, `"kind":"StatefulSet","version"`)))
		set := w.await(p, Watching)
		require.NotEqual(t, deployment.Key, set.Key)
		for _, dry := range []bool{true, false} {
			reply := w.asks(p, control.Rollback, control.Request{ID: "r1", DryRun: dry})
			require.Equal(t, control.CodeAmbiguous, reply.Code)
			require.Equal(t, "a Deployment and a StatefulSet of the name shop/checkout are being watched; say which is meant, with --kind", reply.Message)
		}
		for kind, key := range map[event.Kind]string{event.KindDeployment: deployment.Key, event.KindStatefulSet: set.Key} {
			reply := w.asks(p, control.Rollback, control.Request{DryRun: true, Kind: kind})
			require.True(t, reply.OK, reply.Message)
			require.Equal(t, key, reply.Watch)
		}
	})
}

// An announcement of something that never arrives keeps nobody from taking back what is live.
func TestAnOrderIsGivenToAWatchThatCanCarryItOut(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.errorsIn = 0
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		live := w.await(p, Watching)
		require.NoError(t, p.Accept(t.Context(), w.document(`"d1"`, `"d2"`, `"v2"`, `"v9"`)))
		w.await(p, Pending)
		preview := w.asks(p, control.Rollback, control.Request{DryRun: true})
		require.True(t, preview.OK, preview.Message)
		require.Equal(t, live.Key, preview.Watch)
		reply := w.asks(p, control.Rollback, control.Request{ID: "r1"})
		require.True(t, reply.OK, reply.Message)
		require.Equal(t, live.Key, reply.Watch)
	})
}

// A dry run refuses whatever the rollback itself would refuse, and a refused order leaves the watch as it is.
func TestAnOrderThatNoWatchCanCarryOut(t *testing.T) {
	for name, c := range map[string]struct {
		edits []string
		state State
		code  control.Code
		says  string
	}{
		"it waits for its version": {[]string{`"v2"`, `"v9"`}, Pending, control.CodeState, "to roll back what is live now, end it with rollbackctl abort production.shop."},
		"the schema was changed":   {[]string{`"version"`, `"schemaChange":true,"version"`}, Watching, control.Code(rollback.RefuseSchemaChange), "the release changed the database schema"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.errorsIn = 0
				p := w.run()
				require.NoError(t, p.Accept(t.Context(), w.document(c.edits...)))
				open := w.await(p, c.state)
				for _, dry := range []bool{true, false} {
					reply := w.asks(p, control.Rollback, control.Request{ID: "r1", DryRun: dry})
					require.False(t, reply.OK)
					require.Equal(t, c.code, reply.Code)
					require.Contains(t, reply.Message, c.says)
				}
				require.Equal(t, open.State, p.Watches()[0].State)
				require.Len(t, p.Watches(), 1)
				require.Empty(t, w.patched())
			})
		})
	}
}

// A request that comes twice is carried out once, also where an open watch has carried it out and has ended since, and also by
// another process.
func TestAnOrderToAnOpenWatchIsKnownAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.errorsIn = 0
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.await(p, Watching)
		order := control.Request{ID: "r1"}
		first := w.asks(p, control.Rollback, order)
		require.True(t, first.OK, first.Message)
		w.await(p, RolledBack)
		for range 2 {
			again := w.asks(p, control.Rollback, order)
			require.True(t, again.OK, again.Message)
			require.Equal(t, first.Watch, again.Watch)
			require.Contains(t, again.Message, "was asked for before: the watch is ") // a process that has just started may not know the end yet
			require.Len(t, p.Watches(), 1)
			p.stop()
			p = w.run()
		}
		require.Len(t, w.patched(), 1)
	})
}

// A person may know that a revision is good, but not that it runs on another schema.
func TestAnOrderToARevisionBeforeASchemaChange(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.errorsIn = 0
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document(`"version"`, `"schemaChange":true,"version"`)))
		w.await(p, Healthy)
		for _, revision := range []string{"", "1"} {
			reply := w.asks(p, control.Rollback, control.Request{DryRun: true, Revision: revision})
			require.False(t, reply.OK)
			require.Contains(t, reply.Message, "changed a database schema")
		}
		reply := w.asks(p, control.Rollback, control.Request{ID: "r1", Revision: "1"})
		require.True(t, reply.OK, reply.Message)
		held := w.await(p, Held)
		require.Contains(t, held.Reason, "changed a database schema")
		require.Empty(t, w.patched())
	})
}

// Why nothing was done is told: a permission that is missing would be looked for by nobody.
func TestWhatKeepsARollbackFromBeingMadeIsTold(t *testing.T) {
	for _, call := range []string{"cluster.inspect", "cluster.apply"} {
		t.Run(call, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.failing(func(name string, _ bool) error {
					if name == call {
						return errors.New(`configmaps is forbidden: User "rollbackd" cannot list` + strings.Repeat(" x", 1000))
					}
					return nil
				})
				p := w.run(func(o *Options) {
					for i := range o.Policies[0].Stages {
						o.Policies[0].Stages[i].Mode = Automatic
					}
				})
				require.NoError(t, p.Accept(t.Context(), w.document()))
				held := w.await(p, Held)
				require.Contains(t, held.Reason, `within 2m0s: configmaps is forbidden: User "rollbackd" cannot list`)
				require.Less(t, len(held.Reason), 600)
			})
		})
	}
}

// That nobody can see the rollout of the known-good version does not mean that it is not complete.
func TestARolloutThatCannotBeSeenIsNotCalledIncomplete(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.failing(func(name string, _ bool) error {
			if name == "cluster.read" && len(w.patched()) > 0 {
				return errors.New("deployments.apps is forbidden")
			}
			return nil
		})
		p := w.run(func(o *Options) { o.Cache = noCache{cacheOf{w}} })
		require.NoError(t, p.Accept(t.Context(), w.document()))
		ended := w.await(p, RolledBackUnverified)
		require.Equal(t, "rolled back, but whether its rollout is complete could not be seen within 2m0s: deployments.apps is forbidden", ended.Reason)
	})
}
