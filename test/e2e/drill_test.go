package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rollbackd/rollbackd/internal/drill"
	"github.com/rollbackd/rollbackd/internal/watch"
	"github.com/rollbackd/rollbackd/rollback"
)

// badTemplate is what a service owner would write: a part of a pod template with which a third of all requests fail.
const badTemplate = `
metadata:
  annotations:
    sim.rollbackd.dev/error-ratio: "0.3333"
spec:
  containers:
  - name: app
    env:
    - {name: FAIL, value: a third}
`

func staging(s *settings) {
	s.Environment, s.Drills, s.Active = "staging", "{environments: [staging]}", 5*time.Minute
}

// rehearsing is a rollbackctl drill that runs.
type rehearsing struct {
	t           *testing.T
	cmd         *exec.Cmd
	out, errors printed
	ended       chan struct{}
}

// printed is what a process has printed so far.
type printed struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

func (p *printed) Bytes() []byte { return []byte(p.String()) }

// drill starts rollbackctl drill as ana, with the administrator's kubeconfig.
func (s *service) drill(d *daemon, args ...string) *rehearsing {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), "bad.yaml")
	require.NoError(s.t, os.WriteFile(file, []byte(badTemplate), 0o600))
	all := []string{"drill", s.Namespace + "/" + s.Name, "--env", "staging", "--kubeconfig", s.w.stack.Kubeconfig}
	if len(args) == 0 || args[0] != "--restore" {
		all = append(all, "--template", file)
	}
	r := &rehearsing{t: s.t, ended: make(chan struct{})}
	r.cmd = exec.CommandContext(s.t.Context(), filepath.Join(filepath.Dir(shared.binary), "rollbackctl"), append(all, args...)...)
	r.cmd.Stdout, r.cmd.Stderr = &r.out, &r.errors
	r.cmd.Env = append(os.Environ(), "ROLLBACKD_NATS=nats://"+d.NATS, "ROLLBACKD_NATS_USER=ana", "ROLLBACKD_NATS_PASSWORD="+password)
	require.NoError(s.t, r.cmd.Start())
	go func() { _ = r.cmd.Wait(); close(r.ended) }()
	s.t.Cleanup(func() { _ = r.cmd.Process.Kill(); <-r.ended })
	return r
}

// wait returns the exit code.
func (r *rehearsing) wait(limit time.Duration) int {
	r.t.Helper()
	select {
	case <-r.ended:
	case <-time.After(patience * limit):
		r.t.Fatalf("rollbackctl drill goes on:\n%s\n%s", r.out.String(), r.errors.String())
	}
	return r.cmd.ProcessState.ExitCode()
}

// drilled is the ID of the drill whose version the API server shows, empty for none.
func (s *service) drilled() string {
	s.t.Helper()
	live, err := s.Client.AppsV1().Deployments(s.Namespace).Get(s.t.Context(), s.Name, metav1.GetOptions{})
	require.NoError(s.t, err)
	return live.Spec.Template.Annotations[rollback.DrillAnnotation]
}

// awaitDrillable waits until a drill would begin if somebody agreed, and what is live has served for long enough to be compared with: what was put
// back has new pods.
func (s *service) awaitDrillable(d *daemon) {
	s.t.Helper()
	eventually(s.t, time.Minute, func() (bool, string) { // every one of them: one that was there all along says nothing of the others
		pods, err := s.Client.CoreV1().Pods(s.Namespace).List(s.t.Context(), metav1.ListOptions{LabelSelector: "app=" + s.Name})
		if err != nil {
			return false, err.Error()
		}
		for _, p := range pods.Items {
			if p.DeletionTimestamp == nil && time.Since(p.CreationTimestamp.Time) < 15*time.Second {
				return false, "pod " + p.Name + " has not served for long enough"
			}
		}
		return len(pods.Items) > 0, "there are no pods"
	})
	eventually(s.t, time.Minute, func() (bool, string) {
		r := s.drill(d)
		r.wait(20 * time.Second)
		return strings.Contains(r.errors.String(), "nobody agreed"), r.errors.String()
	})
}

func (s *service) awaitDrilled() {
	s.t.Helper()
	eventually(s.t, 20*time.Second, func() (bool, string) { return s.drilled() != "", "no drill is live" })
}

// TestDrillIsPassed: the real command gives a real workload a bad template; rollbackd finds it and takes it back; all of it is measured, and is
// on record as a drill. The next drill is as good as the first.
func TestDrillIsPassed(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, staging)
	s := newService(t, w)

	code, _, problems := d.ctl("drill", s.Namespace+"/"+s.Name, "--env", "production", "--container", "app", "--set-env", "FAIL=1", "--kubeconfig", w.stack.Kubeconfig)
	require.Equal(t, 1, code)
	require.Contains(t, problems, "production is where the users are")
	r := s.drill(d) // nobody answers
	require.Equal(t, 1, r.wait(20*time.Second), r.errors.String())
	require.Contains(t, r.out.String(), "+          value: a third\n")
	require.Contains(t, r.errors.String(), "nothing was changed, because nobody agreed")
	require.Empty(t, s.drilled())

	for round := 1; round <= 2; round++ {
		s.awaitDrillable(d)
		r := s.drill(d, "--yes", "-o", "json", "--detect-within", "3m", "--recover-within", "5m")
		code := r.wait(2 * time.Minute)
		t.Log(r.errors.String())
		require.Zero(t, code, r.errors.String()+r.out.String())
		var result drill.Result
		require.NoError(t, json.Unmarshal(r.out.Bytes(), &result))
		t.Log(r.out.String())
		require.True(t, result.Passed)
		require.Equal(t, drill.ByRollbackd, result.RestoredBy)
		require.Len(t, result.Steps, 5)
		for i := 1; i < len(result.Steps); i++ {
			require.GreaterOrEqual(t, result.Steps[i].After, result.Steps[i-1].After, "in the order in which they happen")
		}
		require.Greater(t, result.Steps[2].After, 5.0, "nothing is proven at once")
		s.requireLive("v1")
		require.Empty(t, s.drilled())
		require.Len(t, s.rollbacks(), round)

		require.True(t, strings.HasPrefix(result.Record, "drill-"), result.Record)
		eventually(t, 10*time.Second, func() (bool, string) {
			text, err := os.ReadFile(filepath.Join(d.Dir, "artifacts", "integration", result.Record, "timeline.md"))
			if err != nil {
				return false, err.Error()
			}
			return bytes.Contains(text, []byte("**Drill:** this version was bad on purpose")), string(text)
		})
		require.Empty(t, result.Unrecorded)
		requireDrilled(t, d, result)
	}
}

// TestDrillNeverLeavesABadVersion: whatever happens to the daemon and to whoever looks after the drill.
func TestDrillNeverLeavesABadVersion(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, func(s *settings) {
		staging(s)
		s.SettleFor = 15 * time.Second // a drill that nobody saw live is waited for this long before the next may begin
	})
	s := newService(t, w)

	t.Log("on Ctrl-C the command puts the good version back")
	r := s.drill(d, "--yes")
	s.awaitDrilled()
	require.NoError(t, r.cmd.Process.Signal(syscall.SIGINT))
	require.Equal(t, 1, r.wait(30*time.Second), r.errors.String())
	t.Log(r.out.String(), r.errors.String())
	require.Contains(t, r.out.String(), "put back by rollbackctl")
	s.requireGood()
	s.awaitDrillable(d)

	t.Log("if the command is killed, the daemon still rolls back what was announced")
	r = s.drill(d, "--yes")
	id := ""
	eventually(t, 20*time.Second, func() (bool, string) {
		id = s.drilled()
		for _, v := range d.watches() {
			if v.Drill && v.State == watch.Watching && v.EventID == id {
				return true, ""
			}
		}
		return false, r.errors.String()
	})
	require.NoError(t, r.cmd.Process.Kill())
	d.awaitState(id, 90*time.Second, watch.RolledBack)
	s.requireGood()
	s.awaitDrillable(d)

	t.Log("if the daemon is killed, the command puts the good version back when it has waited for long enough, and says so")
	r = s.drill(d, "--yes", "--detect-within", "10s", "--recover-within", "12s")
	s.awaitDrilled()
	d.kill()
	require.Equal(t, 1, r.wait(60*time.Second), r.errors.String())
	t.Log(r.out.String(), r.errors.String())
	require.Contains(t, r.out.String(), "put back by rollbackctl")
	require.Contains(t, r.out.String(), "MISSED")
	s.requireGood()

	t.Log("without a daemon no drill begins")
	r = s.drill(d, "--yes")
	require.Equal(t, 2, r.wait(30*time.Second), r.errors.String())
	s.requireGood()

	t.Log("if both are killed, --restore ends it")
	d.start(w)
	d.awaitReady()
	s.awaitDrillable(d)
	r = s.drill(d, "--yes")
	s.awaitDrilled()
	require.NoError(t, r.cmd.Process.Kill())
	d.kill()
	require.NotEmpty(t, s.drilled())
	r = s.drill(d, "--restore", "--yes")
	require.Zero(t, r.wait(30*time.Second), r.errors.String())
	t.Log(r.out.String())
	s.requireGood()
	r = s.drill(d, "--restore", "--yes")
	require.Equal(t, 1, r.wait(30*time.Second))
	require.Contains(t, r.errors.String(), "it does not run the version of a drill")
}

// requireGood: the API server shows the version that was live before any drill.
func (s *service) requireGood() {
	s.t.Helper()
	s.requireLive("v1")
	require.Empty(s.t, s.drilled())
}
