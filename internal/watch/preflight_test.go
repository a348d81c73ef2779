package watch

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/freeze"
	"github.com/rollbackd/rollbackd/rollback"
)

// calm is an outlook that nothing is wrong with: checkout runs v1, and nothing goes on.
func calm() outlook {
	live, policy := clusterShows("v1"), testPolicy()
	policy.CoolDown = 10 * time.Minute
	return outlook{
		now: start, event: event.Event{Environment: "production", Namespace: "shop", Workload: "checkout"}, policy: &policy, live: &live,
		way:     &wayBack{pin: rollback.Pin{Target: live.Live, Why: "v1 (revision 1) had served for 1h"}},
		samples: []counted{{signal: "errors", n: 1200}}, asked: true,
	}
}

// watchOf is a watch of v2 in a state, which began two minutes ago and has been in it for one.
func watchOf(state State) Watch {
	return Watch{
		Key: "production.shop.3f0c", Event: event.Event{Environment: "production", Namespace: "shop", Workload: "checkout", Version: "v2"}, Policy: testPolicy(),
		AcceptedAt: start.Add(-2 * time.Minute), State: state, Since: start.Add(-time.Minute), Reason: "errors", Pin: &rollback.Pin{T0: start.Add(-2 * time.Minute)},
	}
}

func TestNothingSpeaksAgainstADeployment(t *testing.T) {
	var names []string
	for _, c := range calm().checks() {
		require.Equal(t, control.ResultOK, c.Result, c)
		require.Empty(t, c.Fix)
		names = append(names, c.Check)
	}
	require.Equal(t, []string{"policy", "workload", "freeze", "hold", "watch", "cool-down", "budget", "known-good", "metrics"}, names)
	require.Equal(t, control.Check{Check: "policy", Result: control.ResultOK,
		Message: `policy "http" covers it; mode of each stage: active (until 1m0s) automatic, on-call (until 2m0s) automatic, enhanced (until 3m0s) observe`}, calm().checks()[0])
}

// Each case changes one thing about a calm outlook, and one check says so: with what was found, and with what to do about it.
func TestWhatSpeaksAgainstADeployment(t *testing.T) {
	landed := func(state State, ago time.Duration) Watch {
		w := watchOf(state)
		w.Since, w.LandedAt, w.Incident = start.Add(-ago), start.Add(-ago-time.Minute), "incident-20261122T100000Z"
		return w
	}
	for _, tc := range []struct {
		name   string
		change func(*outlook)
		check  string
		result control.Result
		says   string
		fix    string
	}{
		{"no policy covers it", func(o *outlook) { o.policy, o.way, o.asked = nil, nil, false }, "policy", control.ResultStop,
			"no policy covers shop/checkout in production", "add a policy"},
		{"the policy that is named does not cover it", func(o *outlook) {
			o.policy, o.way, o.asked = nil, nil, false
			o.event.Policy = "lax\x1b"
			_, o.rejected = ChoosePolicy([]Policy{testPolicy()}, o.event)
		}, "policy", control.ResultStop, `"lax\x1b" is not one of the policies that cover this workload`, "leave it out to get the default"},
		{"a first deployment", func(o *outlook) { o.live, o.unread, o.way, o.asked = nil, rollback.ErrNotFound, nil, false }, "workload", control.ResultWarn,
			"the cluster has no Deployment shop/checkout; a first deployment has nothing to go back to", "--kind"},
		{"the API server is away", func(o *outlook) { o.live, o.unread, o.way, o.asked = nil, errors.New("connection refused"), nil, false }, "workload", control.ResultWarn,
			"Deployment shop/checkout cannot be read now: connection refused", "see that the API server answers"},
		{"it is being deleted", func(o *outlook) { o.live.Deleting = true }, "workload", control.ResultStop, "is being deleted", "wait until it is gone"},
		{"it is paused", func(o *outlook) { o.live.Paused = true }, "workload", control.ResultStop, "Deployment shop/checkout is paused",
			"kubectl rollout resume deployment/checkout -n shop"},
		{"rollbackd paused it", func(o *outlook) { o.live.Paused, o.live.OwnPause = true, &rollback.PauseMark{ID: "p"} }, "workload", control.ResultStop,
			"rollbackd paused it, because its version is suspected", "rollbackctl list shop/checkout"},
		{"a rollout goes on", func(o *outlook) { o.live.Status.UpdatedReplicas = 1 }, "workload", control.ResultStop,
			"the last rollout of Deployment shop/checkout is not complete: 1 of 2 replicas run the new template", "wait for kubectl rollout status deployment/checkout -n shop"},
		{"a hotfix repairs a rollout", func(o *outlook) { o.live.Status.UpdatedReplicas, o.event.Hotfix = 1, true }, "workload", control.ResultWarn, "1 of 2 replicas", "kubectl rollout status"},
		{"a freeze", func(o *outlook) { o.freeze = &freeze.Period{Name: "sale", Until: start.Add(time.Hour)} }, "freeze", control.ResultStop,
			`nothing is to be deployed during the freeze "sale", which lasts until 2026-`, "--hotfix"},
		{"a person holds it", func(o *outlook) { o.hold = &Hold{By: "ana", Until: start.Add(time.Hour), Reason: "load test"} }, "hold", control.ResultWarn,
			"ana holds the workload: load test", "rollbackctl hold shop/checkout --env production --release"},
		{"a release is not live yet", func(o *outlook) { o.open = []Watch{watchOf(Pending)}; o.open[0].Pin = nil }, "watch", control.ResultWarn,
			"shop/checkout v2 was announced at ", "rollbackctl abort production.shop.3f0c"},
		{"a release is being watched", func(o *outlook) { o.open = []Watch{watchOf(Watching)} }, "watch", control.ResultWarn,
			"shop/checkout v2 is being watched (Watching) since " + clockTime(start.Add(-2*time.Minute)) + " until " + clockTime(start.Add(time.Minute)), "rollbackctl follow production.shop.3f0c"},
		{"a release was proven bad", func(o *outlook) { o.open = []Watch{watchOf(Regressed)} }, "watch", control.ResultStop, "its watch is Regressed (errors)", "rollbackctl follow"},
		{"it is being rolled back", func(o *outlook) { o.open = []Watch{watchOf(RollingBack)} }, "watch", control.ResultStop, "its watch is RollingBack", "rollbackctl follow"},
		{"a rollback is being verified, and another release waits", func(o *outlook) { o.open = []Watch{watchOf(Pending), watchOf(Verifying)} }, "watch", control.ResultStop,
			"its watch is Verifying", "rollbackctl follow"},
		{"a rollback waits for a person", func(o *outlook) { o.open = []Watch{watchOf(AwaitingApproval)} }, "watch", control.ResultStop, "its rollback waits for a person (errors)",
			"rollbackctl approve production.shop.3f0c, or rollbackctl deny production.shop.3f0c"},
		{"it was rolled back a moment ago", func(o *outlook) { w := landed(RolledBack, 2*time.Minute); o.bad = &w }, "cool-down", control.ResultWarn,
			"ended as RolledBack at " + clockTime(start.Add(-2*time.Minute)) + ", incident-20261122T100000Z; until " + clockTime(start.Add(7*time.Minute)) + " the next rollback needs a person",
			"rollbackctl incident incident-20261122T100000Z --env production --namespace shop"},
		{"its rollback failed a moment ago", func(o *outlook) { w := watchOf(Failed); o.bad = &w }, "cool-down", control.ResultWarn, "ended as Failed", "another one"},
		{"it was rolled back long ago", func(o *outlook) { w := landed(NotRecovered, 10*time.Minute); o.bad = &w }, "cool-down", control.ResultOK, "within the cool-down of 10m0s", ""},
		{"a budget is spent", func(o *outlook) { o.spent = &rollback.Refusal{Reason: "the budget of the cluster is spent"} }, "budget", control.ResultWarn,
			"the budget of the cluster is spent", "approve"},
		{"there is no way back", func(o *outlook) {
			o.way.refusal = &rollback.Refusal{Code: rollback.RefuseNoTarget, Reason: "v1 had served for only 5s"}
		}, "known-good", control.ResultWarn,
			"a bad release could not be rolled back: v1 had served for only 5s", "docs/refusals.md tells what to do about no-target"},
		{"Flux would undo it", func(o *outlook) {
			o.way.refusal = &rollback.Refusal{Code: rollback.RefuseNoTarget, Reason: "Flux owns it", Advice: []rollback.Step{{Do: "suspend it"}}}
		}, "known-good", control.ResultWarn, "Flux owns it", "suspend it"},
		{"the way back cannot be told", func(o *outlook) { o.way.err = errors.New("timed out") }, "known-good", control.ResultWarn, "timed out", "ask again"},
		{"Prometheus is away", func(o *outlook) { o.samples[0] = counted{signal: "errors", problem: errors.New("connection refused")} }, "metrics", control.ResultWarn,
			`"errors": connection refused`, "rollbackctl doctor --config FILE --workload shop/checkout"},
		{"there are no samples of one signal", func(o *outlook) { o.samples = append(o.samples, counted{signal: "latency"}) }, "metrics", control.ResultWarn,
			`"latency": nothing was counted in the last 5m0s`, "rollbackctl doctor"},
		{"no signal is from metrics", func(o *outlook) { o.samples = nil }, "metrics", control.ResultOK, "has no signal that Prometheus is asked for", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := calm()
			tc.change(&o)
			found := false
			for _, c := range o.checks() {
				if c.Check != tc.check {
					require.Equal(t, control.ResultOK, c.Result, c)
					continue
				}
				found = true
				require.Equal(t, tc.result, c.Result, c)
				require.Contains(t, c.Message, tc.says)
				require.Contains(t, c.Fix, tc.fix)
				require.Equal(t, tc.result == control.ResultOK, c.Fix == "", c)
			}
			require.True(t, found)
		})
	}
}

func TestAHotfixIsExemptFromAFreeze(t *testing.T) {
	o := calm()
	o.event.Hotfix, o.freeze = true, &freeze.Period{Name: "sale", Until: start.Add(time.Hour)}
	require.Equal(t, control.ResultOK, o.ofFreeze().Result)
	require.Contains(t, o.ofFreeze().Message, `the freeze "sale" lasts until `)
}

// A cool-down of nothing is none, also for what has just ended.
func TestWithoutACoolDownNothingIsLookedBackAt(t *testing.T) {
	o, w := calm(), watchOf(RolledBack)
	w.Since, o.bad, o.policy.CoolDown = start, &w, 0
	require.Equal(t, control.ResultOK, o.ofBad().Result)
}
