package e2e

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// TestPreflight: before a deployment nothing speaks against it, in the course of a bad release it is stopped, and after the rollback it is warned of.
// The daemon asks for it with the Roles that it has anyway.
func TestPreflight(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, func(s *settings) { s.Mode = "approve" })
	s := newService(t, w)
	preflight := func(code int, args ...string) map[string]control.Check {
		t.Helper()
		got, out, problems := d.ctl(append([]string{"preflight", s.Namespace + "/" + s.Name, "--env", "production", "-o", "json"}, args...)...)
		require.Equal(t, code, got, out+problems)
		var found control.Preflight
		require.NoError(t, json.Unmarshal([]byte(out), &found), out)
		require.Equal(t, code == 0, found.OK, out)
		checks := map[string]control.Check{}
		for _, c := range found.Checks {
			checks[c.Check] = c
		}
		return checks
	}

	require.NoError(t, s.AwaitRollout(t.Context()))
	var found map[string]control.Check
	eventually(t, 30*time.Second, func() (bool, string) { // what a busy API server or Prometheus does not tell in time is a warning
		found = preflight(0)
		return found["metrics"].Result == control.ResultOK && found["known-good"].Result == control.ResultOK, fmt.Sprint(found)
	})
	t.Log(found)
	for _, name := range []string{"policy", "workload", "freeze", "hold", "watch", "cool-down", "budget", "known-good", "metrics"} {
		require.Equal(t, control.ResultOK, found[name].Result, found)
	}
	require.Contains(t, found["known-good"].Message, "v1 (revision 1)")
	require.Contains(t, preflight(1, "--policy", "lax")["policy"].Message, `"lax" is not one of the policies`)

	s.deploy("v2", sampleapp.FailingThird())
	s.announce(d, "bad", "v2")
	waiting := d.awaitState("bad", 60*time.Second, watch.AwaitingApproval)
	found = preflight(1)
	require.Equal(t, control.ResultStop, found["watch"].Result, found)
	require.Contains(t, found["watch"].Fix, waiting.ID)

	d.approve(waiting.ID)
	v := d.awaitState("bad", 60*time.Second, watch.RolledBack)
	// The mark of the watch is taken off behind everybody's back, which is a change that the controller must see; until then the rollout is not complete.
	s.awaitMark(d, 30*time.Second, false)
	require.NoError(t, s.AwaitRollout(t.Context()))
	found = preflight(0)
	require.Equal(t, control.ResultWarn, found["cool-down"].Result, found)
	require.Contains(t, found["cool-down"].Message, v.Incident)
	preflight(1, "--strict")
}
