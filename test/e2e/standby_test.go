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

// TestEitherReplicaShowsThePages: a Service sends people to either of two replicas. Both show the same watches with their newest numbers, and the same incident; the
// one that stands by does so also while the leader is frozen, and it writes nothing.
func TestEitherReplicaShowsThePages(t *testing.T) {
	w := onStack(t)
	good := createNamed(t, w, "cart", 60, sampleapp.Behaviour{})
	bad := newService(t, w)
	r := newReplicas(t, w)
	leader, standby := r.roles()
	require.Empty(t, standby.watches(), "nothing was announced yet")

	bad.deploy("v2", sampleapp.FailingThird())
	good.deploy("v2", sampleapp.Behaviour{})
	bad.announce(leader, "bad", "v2")
	good.announce(leader, "good", "v2")
	held := awaitHeld(standby, "bad", 2)
	require.NotEmpty(t, held.Signals[0].Reason)
	v := standby.awaitState("bad", 60*time.Second, watch.RolledBack)
	require.Equal(t, v.Incident, leader.awaitState("bad", 30*time.Second, watch.RolledBack).Incident)

	for _, path := range []string{"/", "/watches/" + v.ID, "/incidents/", "/incidents/" + v.Incident + "/", "/incidents/" + v.Incident + "/timeline.md", "/api/v1/incidents/" + v.Incident} {
		eventually(t, 20*time.Second, func() (bool, string) { // the ledger is written behind everybody's back
			code, body, err := standby.get(path)
			return err == nil && code == http.StatusOK, fmt.Sprintf("the standby answers %s with %d %v %s", path, code, err, body)
		})
	}
	_, home, err := standby.get("/")
	require.NoError(t, err)
	require.Contains(t, home, "This replica is a standby")
	require.Contains(t, home, v.Incident)
	_, own, err := leader.get("/")
	require.NoError(t, err)
	require.NotContains(t, own, "is a standby")

	// Whoever is on call reads them while nobody leads.
	require.NoError(t, leader.cmd.Process.Signal(syscall.SIGSTOP))
	t.Cleanup(func() { _ = leader.cmd.Process.Signal(syscall.SIGCONT) })
	code, timeline, err := standby.get("/incidents/" + v.Incident + "/timeline.md")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, code)
	require.True(t, strings.HasPrefix(timeline, "# Incident Timeline"), timeline)
	require.Len(t, standby.watches(), 2, "as before")
	eventually(t, 3*time.Second, func() (bool, string) { // in less than the lease lasts
		role := standby.role()
		return role == "standby", "the standby is " + role
	})
	require.Len(t, bad.rollbacks(), 1)
	require.Empty(t, good.rollbacks())
}
