package watch

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/freeze"
	"github.com/rollbackd/rollbackd/rollback"
)

// A drill may begin where its version would surely be rolled back, to what is live now, without a person; and nowhere else, because
// it would stay live there.
func TestWhereADrillMayBegin(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*world)
		edit   func(*Options)
		code   control.Code // empty where it may
		says   string
	}{
		{name: "v1 has served for long", says: `a bad version of shop/checkout would be rolled back by policy "http" without a person for `},
		{name: "drills are allowed elsewhere only", edit: drillsIn("staging"), code: control.CodeState,
			says: `drills are not allowed in environment "production"`},
		{name: "no policy covers it", edit: func(o *Options) { o.Policies[0].Match = []Match{{Namespace: "blog"}} }, code: control.CodeNoPolicy},
		{name: "the policy observes", edit: func(o *Options) { o.Policies[0].Stages[0].Mode = Observe }, code: "needs-approval", says: "(mode: observe)"},
		{name: "a freeze", edit: func(o *Options) {
			o.Freezes = []Freeze{{Window: freeze.Window{Name: "sale", From: time.Now().Add(-time.Hour), Until: time.Now().Add(time.Hour)}}}
		}, code: "freeze", says: `during the freeze "sale"`},
		{name: "a rollout is going on", change: func(w *world) { w.live.Status.UpdatedReplicas = 0 }, code: "unsettled", says: "a rollout of shop/checkout is going on"},
		{name: "it is paused", change: func(w *world) { w.live.Paused = true }, code: "paused"},
		{name: "what is live is not known to be good", change: func(w *world) {
			w.live.Revisions[0].CreatedAt = time.Now()
		}, code: "no-target", says: "had served for only 0s"},
		{name: "what is live has just begun to serve", change: func(w *world) { w.live.Revisions[0].FirstPodAt = time.Now().Add(-time.Minute) },
			code: "unsettled", says: "the pods of shop/checkout have not run for 15m0s yet"},
		{name: "what is live was just put back, and some of its old pods are left", change: func(w *world) {
			w.live.Status.Conditions = []rollback.Condition{{Type: "Progressing", Status: "True", Reason: "NewReplicaSetAvailable", LastUpdateTime: time.Now().Add(-time.Minute)}}
		}, code: "unsettled", says: "the pods of shop/checkout have not run for 15m0s yet"},
		{name: "what is live has lost a ConfigMap", change: func(w *world) { w.missing = []string{"settings"} }, code: "config-missing"},
		{name: "Flux would put it back, whatever the policy says of that", change: func(w *world) {
			w.live.Traces.Labels = map[string]string{"kustomize.toolkit.fluxcd.io/name": "shop", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
		}, edit: func(o *Options) { o.Policies[0].GitOps = rollback.GitOpsIgnore }, code: "gitops-owner"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				serving(w)
				if tc.change != nil {
					tc.change(w)
				}
				edits := []func(*Options){drillsIn("production")}
				if tc.edit != nil {
					edits = append(edits, tc.edit)
				}
				p := w.run(edits...)
				reply := w.asks(p, control.MayDrill, control.Request{})
				require.Equal(t, tc.code, reply.Code, reply.Message)
				require.Contains(t, reply.Message, tc.says)
				require.Equal(t, tc.code == "", reply.OK)
				if reply.OK {
					require.Equal(t, w.live.UID, reply.Drill.UID)
					require.Equal(t, []string{"release"}, reply.Drill.VersionLabels, "it has to be announced by what the daemon goes by")
				}
				require.Empty(t, p.Watches(), "it only asks")
			})
		})
	}
}

// serving has the cluster run v1 alone, for an hour.
func serving(w *world) {
	w.live = clusterShows("v1")
	w.live.VersionLabels = rollback.VersionLabels{"release"}
	w.live.Revision = "1"
	w.live.Revisions = []rollback.Revision{revisionOf("v1", "1", w.t0.Add(-time.Hour))}
	w.live.Live = &w.live.Revisions[0]
}

func TestNoDrillBeginsWhileTheWorkloadIsWatchedOrHeld(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run(drillsIn("production"))
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.await(p, Watching)
		reply := w.asks(p, control.MayDrill, control.Request{})
		require.Equal(t, control.Code("unsettled"), reply.Code)
		require.Contains(t, reply.Message, "shop/checkout v2 is being watched (Watching); wait until that ends, or end it with rollbackctl abort production.shop.")
	})
	inBubble(t, func(t *testing.T, w *world) {
		serving(w)
		p := w.run(drillsIn("production"))
		require.True(t, w.asks(p, control.Hold, control.Request{For: "1h", Reason: "load test"}).OK)
		reply := w.asks(p, control.MayDrill, control.Request{})
		require.Equal(t, control.Code("on-hold"), reply.Code, reply.Message)
	})
}
