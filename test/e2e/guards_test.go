package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/localstack"
	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// neighbours deploys further services beside the test's own, each with a Service that gets requests.
func neighbours(t *testing.T, w *world, b sampleapp.Behaviour, names ...string) {
	t.Helper()
	for _, name := range names {
		a := sampleapp.App{Client: w.client, Namespace: namespaceOf(t), Name: name, Replicas: 1, RPS: 40}
		require.NoError(t, a.Create(t.Context(), "v1", b))
		t.Cleanup(func() {
			ctx, cancel := toTidyUp(t)
			defer cancel()
			if err := a.Delete(ctx); err != nil {
				t.Error(err)
			}
		})
	}
}

// rolledOut deploys a version, announces it and waits until it alone serves and has been measured.
func (s *service) rolledOut(d *daemon, id, version string, b sampleapp.Behaviour) {
	s.t.Helper()
	s.deploy(version, b)
	s.announce(d, id, version)
	require.NoError(s.t, s.AwaitRollout(s.t.Context()))
	alone := time.Now()
	d.await(id, 30*time.Second, "measured alone", func(v watch.View) bool { return v.LastTick.After(alone.Add(3 * time.Second)) })
}

// awaitVerdict waits for a verdict on a watch that goes on, with a reason that holds some words: what is found around a release becomes more
// while it is measured.
func (d *daemon) awaitVerdict(id string, verdict analyzer.Verdict, words string) {
	d.t.Helper()
	said := ""
	d.await(id, 40*time.Second, fmt.Sprintf("%s because %q", verdict, words), func(v watch.View) bool {
		require.Equal(d.t, watch.Watching, v.State, "%s; it was said: %s", v.Reason, said)
		if v.Verdict != verdict {
			return false
		}
		return slices.ContainsFunc(v.Signals, func(a analyzer.Assessment) bool {
			if a.Verdict == verdict {
				said = a.Reason
			}
			return a.Verdict == verdict && strings.Contains(a.Reason, words)
		})
	})
}

// requireToldOnce checks that people are told, by one notice, that the release is not to blame.
func (d *daemon) requireToldOnce() {
	d.t.Helper()
	const said = "is not to blame"
	eventually(d.t, 20*time.Second, func() (bool, string) { return strings.Contains(d.logged(), said), "nobody is told" })
	require.Equal(d.t, 1, strings.Count(d.logged(), said), "notices")
}

// TestSharedOutageIsNotTheReleasesDoing: an outage strikes a release that serves alone, and its neighbours with it. Nothing
// is rolled back, people are told once, and the watch goes on: when the release fails by itself later, it is rolled back.
func TestSharedOutageIsNotTheReleasesDoing(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, func(s *settings) { s.MinBreach, s.Active = 4*time.Second, 10*time.Minute })
	neighbours(t, w, sampleapp.Behaviour{}, "cart", "search", "users")
	s := newService(t, w)
	s.rolledOut(d, "struck", "v2", sampleapp.Behaviour{})

	fault, err := w.stack.BeginFault(t.Context(), localstack.Fault{Namespace: s.Namespace, Fail: 0.5})
	require.NoError(t, err)
	d.awaitVerdict("struck", analyzer.External, "3 of 3 other workloads grew worse at the same time")
	pause(t, 6*time.Second) // longer than it takes to act
	require.NoError(t, w.stack.EndFault(t.Context(), fault))
	d.awaitWell("struck", time.Now())
	require.Empty(t, s.rollbacks())
	s.requireLive("v2")
	d.requireToldOnce()

	require.NoError(t, s.SetErrorRatio(t.Context(), "v2", 0.4))
	d.awaitState("struck", 60*time.Second, watch.RolledBack)
	s.requireLive("v1")
	require.Len(t, s.rollbacks(), 1)
	d.requireToldOnce()
}

// TestFailingDependencyIsNotTheReleasesDoing: what the release calls fails all who call it, as the call graph shows.
func TestFailingDependencyIsNotTheReleasesDoing(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, func(s *settings) {
		s.MinBreach, s.Active = 4*time.Second, 10*time.Minute
		s.Guards = fmt.Sprintf(`{peers: false, dependencies: {requests: 'app_calls_total{namespace=%q}', errors: 'app_calls_total{namespace=%q,code!~"2.."}', `+
			`labels: {namespace: namespace, caller: caller, callee: callee}}}`, s.Namespace, s.Namespace)
	})
	calls := sampleapp.Behaviour{Settings: map[string]string{"calls": "pay"}}
	neighbours(t, w, sampleapp.Behaviour{}, "pay")
	neighbours(t, w, calls, "cart")
	s := newServiceBehaving(t, w, calls)
	s.rolledOut(d, "dependent", "v2", calls)

	fault, err := w.stack.BeginFault(t.Context(), localstack.Fault{Namespace: s.Namespace, Selector: "app=pay", Fail: 0.5})
	require.NoError(t, err)
	d.awaitVerdict("dependent", analyzer.External, "pay, which it calls, is failing")
	pause(t, 6*time.Second) // longer than it takes to act
	require.NoError(t, w.stack.EndFault(t.Context(), fault))
	d.awaitWell("dependent", time.Now())
	require.Empty(t, s.rollbacks())
	s.requireLive("v2")
	d.requireToldOnce()
}

// TestOneSickPodRollsNothingBack: one pod of several fails, long after the old version has gone.
func TestOneSickPodRollsNothingBack(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, func(s *settings) { s.MinBreach, s.Active = 4*time.Second, 10*time.Minute })
	s := newService(t, w)
	s.rolledOut(d, "sick", "v2", sampleapp.Behaviour{Settings: map[string]string{"onebad": "on"}})

	require.NoError(t, s.SetErrorRatio(t.Context(), "v2", 0.9))
	d.awaitVerdict("sick", analyzer.SickPod, "delete that pod, the version itself is well")
	found := time.Now()
	v := d.await("sick", 40*time.Second, "judged for longer than it takes to act", func(v watch.View) bool {
		return v.Final || v.LastTick.After(found.Add(15*time.Second))
	})
	require.Equal(t, watch.Watching, v.State, v.Reason)
	require.Empty(t, s.rollbacks())
	s.requireLive("v2")
	d.requireToldOnce()
}

// TestManyBadReleasesAreAllRolledBack: what is newly deployed is no measure of what is usual, so that bad releases do not
// excuse each other, however many there are.
func TestManyBadReleasesAreAllRolledBack(t *testing.T) {
	const many = 12
	w := onStack(t)
	d := newDaemon(t, w, func(s *settings) {
		s.MinBreach, s.Active = 4*time.Second, 10*time.Minute
		s.Budgets = "{namespace: {rollbacks: 12}, cluster: {rollbacks: 12}}"
	})
	all := manyBad(t, w, d, many)
	for _, s := range all {
		d.awaitState(s.Name, 90*time.Second, watch.RolledBack)
		s.requireLive("v1")
		require.Len(t, s.rollbacks(), 1)
	}
	require.NotContains(t, d.logged(), "is not to blame")
}

// manyBad deploys so many services, and a bad version of each, which it announces under the service's name.
func manyBad(t *testing.T, w *world, d *daemon, many int) []*service {
	t.Helper()
	all := make([]*service, many)
	for i := range all {
		a := sampleapp.App{Client: w.client, Namespace: namespaceOf(t), Name: fmt.Sprintf("app-%02d", i), Replicas: 1, RPS: 40}
		all[i] = &service{t: t, w: w, App: a}
		require.NoError(t, a.Create(t.Context(), "v1", sampleapp.Behaviour{}))
		t.Cleanup(func() {
			ctx, cancel := toTidyUp(t)
			defer cancel()
			if err := a.Delete(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	all[many-1].awaitServed(15 * time.Second)
	all[many-1].awaitScraped(200, many) // or one of them would have no baseline
	for _, s := range all {
		s.deploy("v2", sampleapp.Behaviour{ErrorRatio: 0.5})
		s.announce(d, s.Name, "v2")
	}
	return all
}
