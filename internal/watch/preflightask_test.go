package watch

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/freeze"
	"github.com/rollbackd/rollbackd/rollback"
)

// preflight asks, and returns what was found by the names of the checks.
func (w *world) preflight(p *process, request control.Request) (control.Reply, map[string]control.Check) {
	w.t.Helper()
	reply := w.asks(p, control.MayDeploy, request)
	require.NotNil(w.t, reply.Preflight, reply.Message)
	require.Equal(w.t, "shop/checkout", reply.Preflight.Workload)
	require.Equal(w.t, "production", reply.Preflight.Environment)
	require.Equal(w.t, reply.OK, reply.Preflight.OK)
	found := map[string]control.Check{}
	for _, c := range reply.Preflight.Checks {
		require.NotContains(w.t, found, c.Check, "one line a check")
		found[c.Check] = c
	}
	return reply, found
}

// What is gathered before a deployment is how things stand, and asking leaves everything as it is.
func TestWhatIsFoundBeforeADeployment(t *testing.T) {
	for _, tc := range []struct {
		name    string
		change  func(*world)
		edit    func(*Options)
		request control.Request
		check   string
		result  control.Result
		says    string
	}{
		{name: "the policy", check: "policy", result: control.ResultOK, says: `policy "http" covers it; mode of each stage: active`},
		{name: "another policy", request: control.Request{Deploying: control.Deploying{Policy: "lax"}}, check: "policy", result: control.ResultStop, says: `"lax" is not one of`},
		{name: "no policy", edit: func(o *Options) { o.Policies[0].Match = []Match{{Namespace: "blog"}} }, check: "policy", result: control.ResultStop, says: "no policy covers shop/checkout"},
		{name: "a daemon that only observes", edit: func(o *Options) { o.Observe = true }, check: "policy", result: control.ResultOK, says: "active (until 1m0s) observe"},
		{name: "the workload", check: "workload", result: control.ResultOK, says: "Deployment shop/checkout runs v1; rolled out: 2 of 2 replicas"},
		{name: "a rollout", change: func(w *world) { w.live.Status.UpdatedReplicas = 0 }, check: "workload", result: control.ResultStop, says: "0 of 2 replicas run the new template"},
		{name: "a hotfix in a rollout", change: func(w *world) { w.live.Status.UpdatedReplicas = 0 }, request: control.Request{Deploying: control.Deploying{Hotfix: true}},
			check: "workload", result: control.ResultWarn, says: "0 of 2 replicas"},
		{name: "no such workload", change: failsAt("cluster.read", rollback.ErrNotFound), check: "workload", result: control.ResultWarn, says: "the cluster has no Deployment shop/checkout"},
		{name: "the API server is away", change: failsAt("cluster.read", errors.New("connection refused")), check: "workload", result: control.ResultWarn, says: "connection refused"},
		{name: "a freeze of this workload", edit: func(o *Options) { o.Freezes = []Freeze{saleOf("shop")} }, check: "freeze", result: control.ResultStop, says: `the freeze "sale"`},
		{name: "a freeze of another", edit: func(o *Options) { o.Freezes = []Freeze{saleOf("blog")} }, check: "freeze", result: control.ResultOK, says: "no freeze now"},
		{name: "the way back", check: "known-good", result: control.ResultOK, says: "v1 (revision 1)"},
		{name: "a way back that has not served for long", change: func(w *world) { w.live.Revisions[0].CreatedAt = time.Now() }, check: "known-good", result: control.ResultWarn, says: "had served for only 0s"},
		{name: "a way back that has lost a ConfigMap", change: func(w *world) { w.missing = []string{"settings"} }, check: "known-good", result: control.ResultWarn, says: "settings"},
		{name: "a way back that Flux would undo", change: func(w *world) {
			w.live.Traces.Labels = map[string]string{"kustomize.toolkit.fluxcd.io/name": "shop", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
		}, check: "known-good", result: control.ResultWarn, says: "Flux"},
		{name: "samples", check: "metrics", result: control.ResultOK, says: `by signal: "errors" 10000`},
		{name: "Prometheus is away", change: failsAt("sampler.baseline", errors.New("no route to host")), check: "metrics", result: control.ResultWarn, says: "no route to host"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				serving(w)
				if tc.change != nil {
					tc.change(w)
				}
				var edits []func(*Options)
				if tc.edit != nil {
					edits = append(edits, tc.edit)
				}
				p := w.run(edits...)
				reply, found := w.preflight(p, tc.request)
				require.Equal(t, tc.result, found[tc.check].Result, found)
				require.Contains(t, found[tc.check].Message, tc.says)
				require.Equal(t, tc.result != control.ResultStop, reply.OK, reply.Message)
				require.Empty(t, p.Watches(), "it only asks")
				require.Empty(t, w.stored)
			})
		})
	}
}

// failsAt has every call of one port fail.
func failsAt(port string, err error) func(*world) {
	return func(w *world) {
		w.failing(func(call string, _ bool) error {
			if call == port {
				return err
			}
			return nil
		})
	}
}

// saleOf is a freeze of a namespace that holds now.
func saleOf(namespace string) Freeze {
	return Freeze{Match: []Match{{Namespace: namespace}}, Window: freeze.Window{Name: "sale", From: time.Now().Add(-time.Hour), Until: time.Now().Add(time.Hour)}}
}

// A release is told of from its event until the cool-down after its rollback is over.
func TestWhatIsFoundInTheCourseOfABadRelease(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run(func(o *Options) {
			o.Policies[0].CoolDown, o.Policies[0].Stages[0].Mode = 10*time.Minute, Approve
			o.Budgets.Workload = Budget{Rollbacks: 1, Within: time.Hour}
		})
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.await(p, Watching)
		reply, found := w.preflight(p, control.Request{})
		require.True(t, reply.OK, reply.Message)
		require.Equal(t, control.ResultWarn, found["watch"].Result)
		require.Contains(t, found["watch"].Message, "shop/checkout v2 is being watched (Watching) since ")
		require.Contains(t, found["known-good"].Message, "v1 (revision 1)", "v2 has not passed, so that a rollback of the next release would not go back to it")

		waiting := w.await(p, AwaitingApproval)
		reply, found = w.preflight(p, control.Request{})
		require.False(t, reply.OK)
		require.Equal(t, control.ResultStop, found["watch"].Result)
		require.Contains(t, found["watch"].Fix, "rollbackctl approve "+waiting.Key)

		require.True(t, w.asks(p, control.Approve, control.Request{Watch: waiting.Key}).OK)
		ended := w.await(p, RolledBack)
		_, found = w.preflight(p, control.Request{})
		require.Equal(t, control.ResultOK, found["watch"].Result)
		require.Equal(t, control.ResultWarn, found["cool-down"].Result, found)
		require.Contains(t, found["cool-down"].Message, ended.Incident)
		require.Contains(t, found["cool-down"].Message, "until "+clockTime(ended.LandedAt.Add(10*time.Minute))+" the next rollback needs a person")
		require.Equal(t, control.ResultOK, found["budget"].Result, "a person approved it, which no budget counts")

		time.Sleep(10 * time.Minute)
		synctest.Wait()
		_, found = w.preflight(p, control.Request{})
		require.Equal(t, control.ResultOK, found["cool-down"].Result, found)
	})
}

func TestAHoldIsToldOfUntilItIsLetGo(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		serving(w)
		p := w.run()
		require.True(t, w.asks(p, control.Hold, control.Request{For: "1h", Reason: "load test"}).OK)
		reply, found := w.preflight(p, control.Request{})
		require.True(t, reply.OK, "a hold is no reason not to deploy")
		require.Equal(t, control.ResultWarn, found["hold"].Result)
		require.Contains(t, found["hold"].Message, "ana holds the workload: load test")
		require.True(t, w.asks(p, control.Hold, control.Request{For: "0s"}).OK)
		_, found = w.preflight(p, control.Request{})
		require.Equal(t, control.ResultOK, found["hold"].Result)
	})
}

// Where nobody says what a workload is, it is what was watched last under its name.
func TestTheKindOfWhatIsDeployed(t *testing.T) {
	s := New(Options{})
	in := control.Asked{By: "ana", Verb: control.MayDeploy, Target: checkout()}
	require.Empty(t, s.deploying(in).Kind)
	w := watchOf(Healthy)
	w.Event.Kind = event.KindStatefulSet
	s.ended[w.Key] = w
	require.Equal(t, event.KindStatefulSet, s.deploying(in).Kind)
	in.Kind = event.KindDaemonSet
	require.Equal(t, event.KindDaemonSet, s.deploying(in).Kind)
}

// unanswering is a Prometheus that takes a question and never answers it.
type unanswering struct{ Sampler }

func (unanswering) Baseline(ctx context.Context, _ analyzer.Signal, _ analyzer.Subject, _ analyzer.Span) (analyzer.Baseline, error) {
	<-ctx.Done()
	return analyzer.Baseline{}, ctx.Err()
}

// Whoever asks waits for ten seconds at the most, however many signals Prometheus does not answer about.
func TestAPreflightDoesNotWaitForASilentPrometheus(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		serving(w)
		p := w.run(func(o *Options) {
			o.Sampler = unanswering{o.Sampler}
			o.Policies[0].Signals = append(o.Policies[0].Signals, o.Policies[0].Signals[0], o.Policies[0].Signals[0])
		})
		began := time.Now()
		reply, found := w.preflight(p, control.Request{})
		require.Equal(t, preflightPatience, time.Since(began))
		require.True(t, reply.OK, "that it cannot be asked is no reason not to deploy")
		require.Contains(t, found["metrics"].Message, context.DeadlineExceeded.Error())
	})
}
