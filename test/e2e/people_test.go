package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// TestARollbackThatWaitsIsApproved: where the policy asks a person nothing happens until one agrees, and the record names
// that person.
func TestARollbackThatWaitsIsApproved(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, func(s *settings) { s.Mode = "approve" })
	s := newService(t, w)

	s.deploy("v2", sampleapp.FailingThird())
	s.announce(d, "bad", "v2")
	waiting := d.awaitState("bad", 60*time.Second, watch.AwaitingApproval)
	require.Empty(t, s.rollbacks())

	code, _, problems := d.ctl("approve", waiting.ID, "--env", "production", "--as", "bob")
	require.Equal(t, 1, code)
	require.Contains(t, problems, `the server refuses: nats: permissions violation`, "nobody approves under another's name")
	code, out, problems := d.ctl("list", s.Namespace, "--env", "production")
	require.Zero(t, code, problems)
	require.Contains(t, out, waiting.ID)
	require.Contains(t, out, "AwaitingApproval")
	out = d.approve(waiting.Incident, "--env", "production", "--namespace", s.Namespace, "--reason", "seen it")
	require.Contains(t, out, "is approved and begins")

	v := d.awaitState("bad", 60*time.Second, watch.RolledBack)
	s.requireLive("v1")
	require.Len(t, s.rollbacks(), 1)
	eventually(t, 30*time.Second, func() (bool, string) {
		text, err := os.ReadFile(filepath.Join(d.Dir, "artifacts", "integration", v.Incident, "timeline.md"))
		if err != nil {
			return false, err.Error()
		}
		return bytes.Contains(text, []byte(", approved by ana\n")) &&
			bytes.Contains(text, []byte("ana approved the rollback: seen it (by ana)\n")), string(text)
	})
	code, _, problems = d.ctl("deny", waiting.ID)
	require.Equal(t, 1, code)
	require.Contains(t, problems, "has ended: RolledBack")
}

// TestARollbackByHand: a healthy release of which no event ever told is rolled back because a person says so: shown first, then
// done, checked and recorded.
func TestARollbackByHand(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, func(s *settings) { s.Mode = "observe" })
	s := newService(t, w)
	s.deploy("v2", sampleapp.Behaviour{})
	require.NoError(t, s.AwaitRollout(t.Context()))
	workload := s.Namespace + "/" + s.Name

	code, out, problems := d.ctl("rollback", workload, "--env", "production", "--dry-run")
	require.Zero(t, code, problems)
	t.Log(out)
	require.Contains(t, out, "+        app.kubernetes.io/version: v1\n")
	require.Contains(t, out, "* the API server would accept it")
	require.Contains(t, out, "Nothing was changed.")
	s.requireLive("v2")
	code, _, problems = d.ctl("rollback", workload, "--env", "production", "--dry-run", "--to-revision", "77")
	require.Equal(t, 1, code)
	t.Log(problems)
	require.Contains(t, problems, `has no revision "77"; it has v2 (revision 2), v1 (revision 1)`)

	code, out, problems = d.ctl("rollback", workload, "--env", "production", "--reason", "checkout is empty for guests", "--wait")
	require.Zero(t, code, problems+out)
	t.Log(out)
	s.requireLive("v1")
	require.Len(t, s.rollbacks(), 1)
	require.Contains(t, out, "RolledBack: the rollback helped")
	all := d.watches()
	require.Len(t, all, 1)
	v := all[0]
	eventually(t, 30*time.Second, func() (bool, string) {
		text, err := os.ReadFile(filepath.Join(d.Dir, "artifacts", "integration", v.Incident, "timeline.md"))
		if err != nil {
			return false, err.Error()
		}
		return bytes.Contains(text, []byte("ana asked for a rollback: checkout is empty for guests")), string(text)
	})
}

// TestAHeldWorkloadWaits: while a person holds a workload nothing is done to it by itself, also by a daemon that was killed since.
func TestAHeldWorkloadWaits(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, nil)
	s := newService(t, w)
	workload := s.Namespace + "/" + s.Name
	code, out, problems := d.ctl("hold", workload, "--env", "production", "--for", "1h", "--reason", "load test", "-o", "json")
	require.Zero(t, code, problems)
	var reply control.Reply
	require.NoError(t, json.Unmarshal([]byte(out), &reply))
	require.True(t, reply.OK)
	d.kill()
	d.start(w)
	d.awaitReady()

	s.deploy("v2", sampleapp.FailingThird())
	s.announce(d, "bad", "v2")
	v := d.awaitState("bad", 60*time.Second, watch.AwaitingApproval)
	require.Contains(t, v.Reason, "ana holds the workload: load test until ")
	require.Empty(t, s.rollbacks())
	code, _, problems = d.ctl("abort", v.ID, "--reason", "it was the load test")
	require.Zero(t, code, problems)
	v = d.awaitState("bad", 30*time.Second, watch.Aborted)
	require.Equal(t, "ana ended the watch: it was the load test", v.Reason)
	s.requireLive("v2")
}

// approve approves a rollback and returns what is answered. Where a scrape was missed, or the newest measurement is late, as on a busy machine, the answer
// is to come again once the breach has been measured anew.
func (d *daemon) approve(args ...string) (out string) {
	d.t.Helper()
	eventually(d.t, 30*time.Second, func() (bool, string) {
		code, said, problems := d.ctl(append([]string{"approve"}, args...)...)
		if out = said; !strings.Contains(problems, "("+string(control.CodeBreach)+")") {
			require.Zero(d.t, code, problems)
		}
		return code == 0, problems
	})
	return out
}

// ctl runs rollbackctl as ana, who may decide on the test's namespace.
func (d *daemon) ctl(args ...string) (code int, out, problems string) {
	d.t.Helper()
	cmd := exec.CommandContext(d.t.Context(), filepath.Join(filepath.Dir(shared.binary), "rollbackctl"), args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Env = append(os.Environ(), "ROLLBACKD_NATS=nats://"+d.NATS, "ROLLBACKD_NATS_USER=ana", "ROLLBACKD_NATS_PASSWORD="+password)
	if err := cmd.Run(); cmd.ProcessState == nil {
		d.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
}
