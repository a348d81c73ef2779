package e2e

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/job"
	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// TestFailedSmokeJobIsRolledBackOnce: no metric shows what users meet, but the Job of the smoke test does. It succeeds for a
// while, fails in several rounds, and succeeds with the version that is put back.
func TestFailedSmokeJobIsRolledBackOnce(t *testing.T) {
	w := onStack(t)
	signal := "\n  - {name: smoke, kind: smoke, every: 3s, failures: 2, job: " + jobYAML("hang", "--of={workload}") + "}\n"
	d := newDaemon(t, w, func(s *settings) { s.Signals = signal })
	s := newService(t, w)
	var how atomic.Value
	how.Store("succeed")
	w.endJobs(t, func() string { return how.Load().(string) })

	s.deploy("v2", sampleapp.Behaviour{})
	require.NoError(t, s.AwaitRollout(t.Context()))
	s.announce(d, "smoke", "v2")
	d.await("smoke", 60*time.Second, "well by its smoke test", func(v watch.View) bool {
		return len(v.Signals) == 3 && v.Signals[2].Verdict == "HEALTHY"
	})
	how.Store("fail")
	d.awaitState("smoke", 90*time.Second, watch.Verifying)
	how.Store("succeed")
	v := d.awaitState("smoke", 90*time.Second, watch.RolledBack)

	requireIncidentSays(t, d, v, `\*\*In short:\*\* .* 1 of 1 checks failed in ([2-9]|\d\d) rounds in a row: Job rollbackd-smoke-checkout-.* ended with exit code 1`)
	s.requireLive("v1")
	require.Len(t, s.rollbacks(), 1)
	for _, j := range w.jobs(t, "smoke") {
		require.Equal(t, v.ID, j.Annotations[job.WatchAnnotation])
		require.EqualValues(t, 0, *j.Spec.BackoffLimit)
	}
}

// endJobs ends the Jobs of the test's namespace as they begin to run, until the test is over.
func (w *world) endJobs(t *testing.T, how func() string) {
	namespace := namespaceOf(t)
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		for ctx.Err() == nil {
			_ = w.end(ctx, namespace, how()) // a conflict passes, and the end of the test is none
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-over })
}

// TestASmokeJobThatTheQuotaRefusesIsNoData, and nothing is rolled back for it.
func TestASmokeJobThatTheQuotaRefusesIsNoData(t *testing.T) {
	w := onStack(t)
	signal := "\n  - {name: smoke, kind: smoke, every: 1s, failures: 2, job: " + jobYAML("succeed", "--of={workload}") + "}\n"
	d := newDaemon(t, w, func(s *settings) { s.Signals = signal })
	s := newService(t, w)
	w.noJobs(t)

	s.deploy("v2", sampleapp.Behaviour{})
	s.announce(d, "quota", "v2")
	v := d.await("quota", 60*time.Second, "without data", func(v watch.View) bool {
		return len(v.Signals) == 3 && v.Signals[2].Verdict == "NO_DATA"
	})
	require.Contains(t, v.Signals[2].Reason, "the quota of namespace "+s.Namespace+" does not allow it")
	require.Empty(t, s.rollbacks())
}
