package e2e

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// TestRollingRestartOfFiftyWatches: both replicas are restarted, one after the other, as Kubernetes does it, while they carry fifty watches. None is lost or begun anew, no good
// release is touched, and each bad one is rolled back once. The log has how long it took from SIGTERM until the other replica led, and until it acted.
func TestRollingRestartOfFiftyWatches(t *testing.T) {
	w := alone(t)
	const size, bad = 50, 3
	services := make([]*service, size)
	var creating sync.WaitGroup
	slots := make(chan struct{}, 8)
	for i := range services {
		creating.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			services[i] = createSmall(t, w, fmt.Sprintf("app-%d", i), map[bool]int{true: 60, false: 2}[i < bad])
		})
	}
	creating.Wait()
	require.False(t, t.Failed())
	t.Cleanup(func() {
		ctx, cancel := toTidyUp(t)
		defer cancel()
		require.NoError(t, w.client.CoreV1().Namespaces().Delete(ctx, namespaceOf(t), metav1.DeleteOptions{}))
	})
	for _, s := range services[:bad] {
		s.awaitBaseline()
	}
	r := &replicas{t: t}
	n := newNATS(t)
	n.start()
	for i := range r.both {
		r.both[i] = newDaemon(t, w, func(s *settings) {
			s.External, s.LeaderElection = n.url, fmt.Sprintf("{enabled: true, namespace: %s}", s.Namespace)
			s.For, s.Active, s.SettleFor = unhurried, 6*time.Minute, 2*time.Minute // fifty rollouts at once take their time
		})
	}
	leader, standby := r.roles()
	for i, s := range services[bad:] {
		s.deploy("v2", sampleapp.Behaviour{})
		s.announce(leader, fmt.Sprintf("good-%d", i), "v2")
	}
	before := leader.awaitWatching(size - bad)
	for i, s := range services[:bad] {
		s.deploy("v2", sampleapp.FailingThird())
		s.announce(leader, fmt.Sprintf("bad-%d", i), "v2")
	}
	awaitHeld(leader, "bad-0", 1)

	standby.stop()
	standby.start(w)
	r.roles()
	terminated := time.Now()
	leader.stop()
	t.Logf("the leader had stopped %s after SIGTERM", time.Since(terminated).Round(time.Millisecond))
	standby.awaitLeads(terminated, "terminated")
	leader.start(w)
	for i := range bad {
		v := standby.awaitState(fmt.Sprintf("bad-%d", i), 90*time.Second, watch.RolledBack)
		t.Logf("bad-%d was rolled back %s after SIGTERM of the leader", i, v.LandedAt.Sub(terminated).Round(time.Millisecond))
		require.Len(t, services[i].rollbacks(), 1)
		services[i].requireLive("v1")
	}
	r.roles()
	after := standby.watches()
	require.Len(t, after, size)
	for _, v := range after {
		if b, ok := before[v.EventID]; ok {
			require.Equal(t, b.ID, v.ID)
			require.Equal(t, b.T0, v.T0)
			require.Contains(t, []watch.State{watch.Watching, watch.Healthy}, v.State, "%s: %s", v.EventID, v.Reason)
		}
	}
	for _, s := range services[bad:] {
		require.Empty(t, s.rollbacks())
	}
	for _, d := range r.both {
		require.NotContains(t, d.logged(), "its watch is lost")
	}
}

// createSmall deploys version v1 of a service of one pod.
func createSmall(t *testing.T, w *world, name string, rps int) *service {
	t.Helper()
	s := &service{t: t, w: w, App: sampleapp.App{Client: w.client, Namespace: namespaceOf(t), Name: name, Replicas: 1, RPS: rps}}
	if err := s.Create(t.Context(), "v1", sampleapp.Behaviour{}); err != nil {
		t.Errorf("create %s: %v", name, err)
	}
	return s
}
