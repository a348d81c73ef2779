package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// replicas are two daemons of one instance.
type replicas struct {
	t    *testing.T
	both [2]*daemon
}

// newReplicas starts two daemons that elect a leader with the figures that are the default, and waits until one leads and
// the other one stands by.
func newReplicas(t *testing.T, w *world, changes ...func(*settings)) *replicas {
	t.Helper()
	n := newNATS(t)
	n.start()
	r := &replicas{t: t}
	for i := range r.both {
		r.both[i] = newDaemon(t, w, func(s *settings) {
			s.External = n.url
			s.LeaderElection = fmt.Sprintf("{enabled: true, namespace: %s}", s.Namespace)
			s.For = unhurried
			for _, change := range changes {
				change(s)
			}
		})
	}
	return r
}

// roles returns which of the two leads and which stands by, once they do.
func (r *replicas) roles() (leader, standby *daemon) {
	r.t.Helper()
	eventually(r.t, 40*time.Second, func() (bool, string) {
		leader, standby = nil, nil
		for _, d := range r.both {
			switch d.role() {
			case "leader":
				leader = d
			case "standby":
				standby = d
			}
		}
		return leader != nil && standby != nil, fmt.Sprintf("the replicas are %q and %q", r.both[0].role(), r.both[1].role())
	})
	return leader, standby
}

// requireRoles requires that this one leads and that one stands by. Either is not ready now and then on a busy machine.
func (r *replicas) requireRoles(leader, standby *daemon) {
	r.t.Helper()
	gotLeader, gotStandby := r.roles()
	require.True(r.t, gotLeader == leader && gotStandby == standby, "the replicas have changed their roles")
}

// role is what a ready daemon says that it is; empty for one that is not ready.
func (d *daemon) role() string {
	code, ready, err := d.get("/-/ready")
	if err != nil || code != http.StatusOK {
		return ""
	}
	_, metrics, err := d.get("/metrics")
	standby := strings.Contains(ready, "role: standby")
	switch {
	case err == nil && standby && strings.Contains(metrics, "\nrollbackd_leader 0\n"):
		return "standby"
	case err == nil && !standby && strings.Contains(metrics, "\nrollbackd_leader 1\n"):
		return "leader"
	}
	return ""
}

// awaitLeads waits until the daemon leads, and logs how long it took since something happened.
func (d *daemon) awaitLeads(since time.Time, what string) {
	d.t.Helper()
	eventually(d.t, 40*time.Second, func() (bool, string) { return d.role() == "leader", "the standby does not take over" })
	d.t.Logf("take-over after the leader was %s: %s", what, time.Since(since).Round(100*time.Millisecond))
}

// TestFailOver: the leader is lost in the middle of two watches. The other replica takes both up: the bad release is rolled
// back exactly once, and the good one is left alone.
func TestFailOver(t *testing.T) {
	w := onStack(t)
	for _, c := range []struct {
		what string
		// lose loses the leader, restore brings it back.
		lose, restore func(*testing.T, *world, *daemon)
	}{
		{"killed", func(_ *testing.T, _ *world, d *daemon) { d.kill() }, func(_ *testing.T, w *world, d *daemon) { d.start(w) }},
		{"frozen", func(t *testing.T, _ *world, d *daemon) {
			require.NoError(t, d.cmd.Process.Signal(syscall.SIGSTOP))
			t.Cleanup(func() { _ = d.cmd.Process.Signal(syscall.SIGCONT) })
		}, func(t *testing.T, _ *world, d *daemon) {
			require.NoError(t, d.cmd.Process.Signal(syscall.SIGCONT))
		}},
		{"terminated", func(_ *testing.T, _ *world, d *daemon) { d.stop() }, func(_ *testing.T, w *world, d *daemon) { d.start(w) }},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			good := createNamed(t, w, "cart", 60, sampleapp.Behaviour{})
			bad := newService(t, w)
			r := newReplicas(t, w)
			leader, standby := r.roles()

			bad.deploy("v2", sampleapp.FailingThird())
			good.deploy("v2", sampleapp.Behaviour{})
			bad.announce(leader, "bad", "v2")
			good.announce(leader, "good", "v2")
			leader.awaitState("good", 30*time.Second, watch.Watching)
			before := awaitHeld(leader, "bad", 2)

			lost := time.Now()
			c.lose(t, w, leader)
			standby.awaitLeads(lost, c.what)
			v := standby.awaitState("bad", 60*time.Second, watch.RolledBack)
			require.Equal(t, before.ID, v.ID)
			require.Equal(t, before.T0, v.T0)
			t.Logf("rolled back %s after the leader was lost", v.LandedAt.Sub(lost).Round(100*time.Millisecond))

			c.restore(t, w, leader)
			eventually(t, 20*time.Second, func() (bool, string) { return leader.role() == "standby", "the old leader is " + leader.role() })
			standby.awaitWell("good", time.Now())
			r.requireRoles(standby, leader)
			require.Len(t, bad.rollbacks(), 1)
			require.Empty(t, good.rollbacks())
			bad.requireLive("v1")
			good.requireLive("v2")
			require.Len(t, standby.watches(), 2)

			if c.what == "frozen" { // its process leads a second time
				lost = time.Now()
				standby.stop()
				leader.awaitLeads(lost, "terminated in its turn")
				require.Len(t, leader.watches(), 2)
				pause(t, 5*time.Second)
				require.Len(t, bad.rollbacks(), 1)
				eventually(t, 20*time.Second, func() (bool, string) { return leader.role() == "leader", "it is " + leader.role() })
			}
		})
	}
}

// TestEventsComeThroughAFailOver: an event that is published while nobody leads, or that a frozen leader was handed, is watched.
func TestEventsComeThroughAFailOver(t *testing.T) {
	w := onStack(t)
	s := newService(t, w)
	r := newReplicas(t, w, func(s *settings) { s.Active = 10 * time.Minute })
	leader, standby := r.roles()
	require.NoError(t, leader.cmd.Process.Signal(syscall.SIGSTOP))
	t.Cleanup(func() { _ = leader.cmd.Process.Signal(syscall.SIGCONT) })
	s.deploy("v2", sampleapp.Behaviour{})
	published := time.Now()
	s.announce(leader, "meanwhile", "v2")
	v := standby.await("meanwhile", 60*time.Second, "watched", func(v watch.View) bool { return v.State == watch.Watching })
	t.Logf("an event that the frozen leader was handed was accepted %s after it was published", v.AcceptedAt.Sub(published).Round(100*time.Millisecond))
}
