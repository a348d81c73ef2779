package demo

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/localstack"
	"github.com/rollbackd/rollbackd/internal/watch"
)

var undo = localstack.AuditEvent{Verb: "patch", Resource: "deployments", Namespace: namespace, Name: workload, Code: 200}

func takenBack() evidence {
	return evidence{
		watch: watch.View{State: watch.RolledBack}, live: "v1", replicas: 3, ready: 3, running: 3,
		changes:  []localstack.AuditEvent{undo},
		measured: rate{requests: 600, limit: 0.001, over: 10 * time.Second},
	}
}

func TestProofsOfABadReleaseTakenBack(t *testing.T) {
	for _, c := range badRelease().want.judge(takenBack()) {
		require.True(t, c.ok, "%s: %s", c.asked, c.found)
	}
}

func TestProofsOfAGoodReleaseLeftAlone(t *testing.T) {
	e := takenBack()
	e.watch.State, e.live, e.changes = watch.Healthy, "v3", nil
	for _, c := range goodRelease().want.judge(e) {
		require.True(t, c.ok, "%s: %s", c.asked, c.found)
	}
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
			var failed []string
			for _, c := range badRelease().want.judge(e) {
				if !c.ok {
					failed = append(failed, c.found)
				}
			}
			require.Len(t, failed, 1)
			require.Contains(t, failed[0], flaw.says)
		})
	}
}

func TestTallyIsThatOfOneVersion(t *testing.T) {
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	later, last := at.Add(time.Second), at.Add(2*time.Second)
	pod := localstack.Pod{Namespace: namespace, App: workload, Version: "v2", CreatedAt: later, Requests: 10}
	failing := pod
	failing.CreatedAt, failing.Errors, failing.FirstErrorAt, failing.LastErrorAt = at, 3, &later, &last
	stranger := failing
	stranger.Version = "v1"
	got := sum([]localstack.Pod{pod, failing, stranger}, "v2")
	require.Equal(t, tally{since: at, firstError: later, lastError: last, requests: 20, errors: 3}, got)
}
