package demo

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/localstack"
	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
)

var (
	theStage = stage{
		checkout: service{App: sampleapp.App{Namespace: namespace, Name: workload, Replicas: 3}},
		payments: service{App: sampleapp.App{Namespace: namespace, Name: paired, Replicas: 3}, pair: true},
	}
	undo       = localstack.AuditEvent{Verb: "patch", Resource: "deployments", Namespace: namespace, Name: workload, Code: 200}
	switchBack = localstack.AuditEvent{Verb: "patch", Resource: "services", Namespace: namespace, Name: paired, Code: 200}
)

func takenBack() evidence {
	return evidence{
		watch: watch.View{State: watch.RolledBack}, live: "v1", replicas: 3, ready: 3, running: 3,
		changes:  []localstack.AuditEvent{undo},
		measured: rate{kind: analyzer.KindErrorRate, requests: 600, limit: 0.001, over: 10 * time.Second},
		detected: "Error rate spike detected",
	}
}

func switchedBack() evidence {
	e := takenBack()
	e.colour, e.changes, e.detected = sampleapp.Blue, []localstack.AuditEvent{switchBack}, "P95 latency breach detected"
	e.measured = rate{kind: analyzer.KindLatency, requests: 600, p95: 0.04, limit: 0.05, limitLatency: 0.6, over: 10 * time.Second}
	return e
}

func TestProofsOfABadReleaseTakenBack(t *testing.T) {
	for _, c := range theStage.badRelease().judge(takenBack()) {
		require.True(t, c.ok, "%s: %s", c.asked, c.found)
	}
}

func TestProofsOfAGoodReleaseLeftAlone(t *testing.T) {
	e := takenBack()
	e.watch.State, e.live, e.changes, e.detected = watch.Healthy, "v3", nil, ""
	for _, c := range theStage.goodRelease().judge(e) {
		require.True(t, c.ok, "%s: %s", c.asked, c.found)
	}
}

func TestProofsOfASwitchTakenBack(t *testing.T) {
	var found []string
	for _, c := range theStage.badSwitch().judge(switchedBack()) {
		require.True(t, c.ok, "%s: %s", c.asked, c.found)
		found = append(found, c.found)
	}
	require.Contains(t, found, "the Service shop/payments selects blue")
	require.Contains(t, found, "the live template of shop/payments-blue is v1")
	require.Contains(t, found, "the P95 of about 600 requests in the last 10 s is 0.04 s; the limit is 0.60 s")
}

// TestEveryProofCanFail: each flaw makes exactly one check fail, and what it says names the flaw.
func TestEveryProofCanFail(t *testing.T) {
	other := undo
	other.Resource = "services"
	flaws := map[string]struct {
		spoil func(*evidence)
		says  string
	}{
		"state":          {func(e *evidence) { e.watch.State = watch.NotRecovered }, "the watch ended NotRecovered, but must be: RolledBack"},
		"version":        {func(e *evidence) { e.live = "v2" }, "is v2, but must be: v1"},
		"not ready":      {func(e *evidence) { e.ready = 2 }, "2 of 3 pods"},
		"too many pods":  {func(e *evidence) { e.running = 4 }, "there are 4 in all"},
		"no rollback":    {func(e *evidence) { e.changes = nil }, "changed nothing, but must be: exactly 1 patch"},
		"two rollbacks":  {func(e *evidence) { e.changes = append(e.changes, undo) }, "2 changes by rollbackd"},
		"another change": {func(e *evidence) { e.changes[0] = other }, "patch services shop/checkout"},
		"errors":         {func(e *evidence) { e.measured.errors = 6 }, "1.00 % of about 600 requests failed"},
		"no requests":    {func(e *evidence) { e.measured.requests = 0 }, "no requests in the last 10 s"},
	}
	for name, flaw := range flaws {
		t.Run(name, func(t *testing.T) {
			e := takenBack()
			flaw.spoil(&e)
			requireOneFlaw(t, theStage.badRelease().judge(e), flaw.says)
		})
	}
}

func TestEveryProofOfASwitchCanFail(t *testing.T) {
	green := switchBack
	green.Resource, green.Name = "deployments", "payments-green"
	flaws := map[string]struct {
		spoil func(*evidence)
		says  string
	}{
		"colour":          {func(e *evidence) { e.colour = sampleapp.Green }, "selects green, but must be: blue"},
		"no switch":       {func(e *evidence) { e.changes = nil }, "exactly 1 patch of the Service, and none of its Deployments"},
		"two switches":    {func(e *evidence) { e.changes = append(e.changes, switchBack) }, "2 changes by rollbackd"},
		"its Deployment":  {func(e *evidence) { e.changes[0] = green }, "patch deployments shop/payments-green"},
		"another Service": {func(e *evidence) { e.changes[0].Name = workload }, "patch services shop/checkout"},
		"slow":            {func(e *evidence) { e.measured.p95 = 1.5 }, "is 1.50 s; the limit is 0.60 s"},
		"no P95":          {func(e *evidence) { e.measured.p95 = math.NaN() }, "is NaN s"},
		"no limit":        {func(e *evidence) { e.measured.limitLatency = 0 }, "the limit is 0.00 s"},
		"no requests":     {func(e *evidence) { e.measured.requests = 0 }, "no requests in the last 10 s"},
		"no timeline":     {func(e *evidence) { e.detected = "" }, `reads "", but must be: P95 latency breach detected`},
		"other timeline":  {func(e *evidence) { e.detected = "Error rate spike detected" }, "but must be: P95 latency breach"},
	}
	for name, flaw := range flaws {
		t.Run(name, func(t *testing.T) {
			e := switchedBack()
			flaw.spoil(&e)
			requireOneFlaw(t, theStage.badSwitch().judge(e), flaw.says)
		})
	}
}

func requireOneFlaw(t *testing.T, checks []check, says string) {
	t.Helper()
	var failed []string
	for _, c := range checks {
		if !c.ok {
			failed = append(failed, c.found)
		}
	}
	require.Len(t, failed, 1)
	require.Contains(t, failed[0], says)
}

func TestTallyIsThatOfOneVersion(t *testing.T) {
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	later, last := at.Add(time.Second), at.Add(2*time.Second)
	pod := localstack.Pod{Namespace: namespace, App: workload, Version: "v2", CreatedAt: later, Requests: 10}
	failing := pod
	failing.CreatedAt, failing.Errors, failing.FirstErrorAt, failing.LastErrorAt = at, 3, &later, &last
	stranger := failing
	stranger.Version = "v1"
	other := failing
	other.App = paired
	got := sum([]localstack.Pod{pod, failing, stranger, other}, workload, "v2")
	require.Equal(t, tally{since: at, firstError: later, lastError: last, requests: 20, errors: 3}, got)
}
