package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// TestKilledWhileRollingBack: SIGKILL at each of the points between deciding and the patch. Whatever had happened by
// then, the restarted daemon rolls back exactly once.
func TestKilledWhileRollingBack(t *testing.T) {
	w := onStack(t)
	for _, c := range []struct {
		name, method string
		landed       bool
		// state is the one that the watch is killed in.
		state watch.State
	}{
		{"deciding", http.MethodGet, false, watch.Regressed},
		{"intended", http.MethodPatch, false, watch.RollingBack},
		{"landed", http.MethodPatch, true, watch.RollingBack},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			proxy := newAPIProxy(t, w)
			d := newDaemon(t, w, func(s *settings) { s.Kubeconfig, s.For, s.Active = proxy.kubeconfig, unhurried, 10*time.Minute })
			s := newService(t, w)

			s.deploy("v2", sampleapp.FailingThird())
			s.announce(d, "killed", "v2")
			awaitHeld(d, "killed", 2)
			h := proxy.holdUp(c.method, "/deployments/"+s.Name, c.landed)
			h.await(t, time.Minute)
			d.awaitState("killed", 5*time.Second, c.state)
			d.kill()
			landed := 0
			if c.landed {
				landed = 1
			}
			require.Len(t, s.rollbacks(), landed, "patches that landed before the kill")

			proxy.pass()
			d.start(w)
			d.awaitReady()
			v := d.awaitState("killed", 60*time.Second, watch.RolledBack)
			require.Len(t, s.rollbacks(), 1)
			s.requireLive("v1")
			requireTimelineOf(t, d, v, "Error rate spike detected")
		})
	}
}

// TestKilledAndRecoveredMeanwhile: the intent is journalled, the patch never left, and by the time that the daemon is
// back the release is well again. An intent of then is no reason to act now.
func TestKilledAndRecoveredMeanwhile(t *testing.T) {
	w := onStack(t)
	proxy := newAPIProxy(t, w)
	d := newDaemon(t, w, func(s *settings) { s.Kubeconfig, s.For, s.Active = proxy.kubeconfig, unhurried, 10*time.Minute })
	s := newService(t, w)

	s.deploy("v2", sampleapp.FailingThird())
	s.announce(d, "recovered", "v2")
	awaitHeld(d, "recovered", 2)
	h := proxy.holdUp(http.MethodPatch, "/deployments/"+s.Name, false)
	h.await(t, time.Minute)
	d.kill()
	require.NoError(t, s.AwaitRollout(t.Context())) // a pod that is made later would fail again
	require.NoError(t, s.SetErrorRatio(t.Context(), "v2", 0))
	proxy.pass()
	pause(t, 31*time.Second) // longer than any intent is trusted
	d.start(w)
	d.awaitReady()

	v := d.awaitState("recovered", 40*time.Second, watch.Held)
	require.Contains(t, v.Reason, "the breach was over")
	require.Empty(t, s.rollbacks())
	s.requireLive("v2")
}

// TestKilledWhileSwitchingBack is TestKilledWhileRollingBack for a blue-green deployment.
func TestKilledWhileSwitchingBack(t *testing.T) {
	w := onStack(t)
	for _, c := range []struct {
		name, method string
		landed       bool
		state        watch.State
	}{
		{"deciding", http.MethodGet, false, watch.Regressed},
		{"intended", http.MethodPatch, false, watch.RollingBack},
		{"landed", http.MethodPatch, true, watch.RollingBack},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			proxy := newAPIProxy(t, w)
			d := newDaemon(t, w, func(s *settings) { s.Kubeconfig, s.For, s.Active = proxy.kubeconfig, unhurried, 10*time.Minute })
			p := newPair(t, w)

			p.deployGreen("v2", sampleapp.FailingThird())
			p.announce(d, p.announcement(d, "killed", "v2"))
			awaitHeld(d, "killed", 2)
			h := proxy.holdUp(c.method, "/services/"+p.Name, c.landed)
			h.await(t, time.Minute)
			d.awaitState("killed", 5*time.Second, c.state)
			d.kill()
			proxy.pass()
			d.start(w)
			d.awaitReady()

			d.awaitState("killed", 60*time.Second, watch.RolledBack)
			require.Len(t, p.switches(), 1)
			p.requireColour(sampleapp.Blue)
		})
	}
}
