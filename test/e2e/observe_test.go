package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// TestObserveOverrulesThePolicies: whoever is not sure of the daemon any more starts it again with --observe. It takes up what it watches, says what
// it would do, and does it only for a person.
func TestObserveOverrulesThePolicies(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, nil)
	s := newService(t, w)
	s.deploy("v2", sampleapp.FailingThird())
	s.announce(d, "bad", "v2")
	d.awaitState("bad", 30*time.Second, watch.Watching)
	d.kill()
	d.args = []string{"--observe"}
	d.start(w)
	d.awaitReady()

	v := d.awaitState("bad", 90*time.Second, watch.Held)
	require.Contains(t, v.Reason, "rollbackd was started with --observe, which overrules the mode of policy")
	_, page, err := d.get("/")
	require.NoError(t, err)
	require.Contains(t, page, "It was started with --observe")
	require.Empty(t, s.rollbacks())
	s.requireLive("v2")

	code, out, problems := d.ctl("rollback", s.Namespace+"/"+s.Name, "--env", "production", "--wait")
	require.Zero(t, code, problems+out)
	s.requireLive("v1")
	require.Len(t, s.rollbacks(), 1)
}
