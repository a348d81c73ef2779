package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"text/template"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// daemon is a running rollbackd.
type daemon struct {
	settings
	t *testing.T
	// args are given to the daemon beside its configuration.
	args []string
	cmd  *exec.Cmd
	log  string
	done chan error
}

// patience is how many times longer than where little else runs something may take. Waiting costs nothing where it is done in time, and a
// machine may be slow, or busy with others.
const patience = 3

// password is the publisher's.
const password = "e2e-publisher"

// newDaemon writes a configuration, starts a daemon on it and waits until it is ready; it stops with the test.
func newDaemon(t *testing.T, w *world, change func(*settings)) *daemon {
	t.Helper()
	d := launchDaemon(t, w, change)
	d.awaitReady()
	return d
}

// launchDaemon is newDaemon without waiting for the daemon to be ready.
func launchDaemon(t *testing.T, w *world, change func(*settings)) *daemon {
	t.Helper()
	dir := t.TempDir()
	s := settings{
		Instance: instanceOf(t), Environment: "production", Namespace: namespaceOf(t), Mode: "automatic",
		Prometheus: w.stack.Prometheus, Kubeconfig: accountKubeconfig(t, w, dir, namespaceOf(t)), Features: "blueGreen, canary",
		NATS: freeAddress(t), HTTP: freeAddress(t), Dir: dir,
		// Tests run side by side, and what happens to one must not look like an outage that the others share.
		Requests: fmt.Sprintf(`http_requests_total{namespace=%q}`, namespaceOf(t)),
		Errors:   fmt.Sprintf(`http_requests_total{namespace=%q,code=~"5.."}`, namespaceOf(t)),
		For:      5 * time.Second, MinBreach: 15 * time.Second, Active: 5 * time.Minute, SettleFor: time.Minute, Deadline: 3 * time.Minute,
	}
	if change != nil {
		change(&s)
	}
	s.OnCall, s.End = s.Active+2*time.Second, s.Active+10*time.Second
	d := &daemon{settings: s, t: t, log: filepath.Join(dir, "daemon.log")}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "password"), []byte(password+"\n"), 0o600))
	d.configure()
	d.allow(w, s.Lacking)
	d.start(w)
	t.Cleanup(func() {
		if t.Failed() {
			d.showWatches()
		}
		d.stop()
		if t.Failed() {
			d.showLog()
		}
	})
	return d
}

// toItsEnd is for tests that watch a release to its end: it comes soon.
func toItsEnd(s *settings) { s.Active = 20 * time.Second }

// instanceOf names the instance of a test's daemons: its marks on workloads must not be taken for those of another test's.
func instanceOf(t *testing.T) string {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(namespaceOf(t)))
	return fmt.Sprintf("e2e-%08x", sum.Sum32())
}

// namespaceOf names the test's own namespace.
func namespaceOf(t *testing.T) string {
	name := strings.ToLower(strings.TrimPrefix(t.Name(), "Test"))
	return "e2e-" + strings.NewReplacer("/", "-", "_", "-").Replace(name)[:min(len(name), 50)]
}

func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := shared.ports.FreeAddress()
	require.NoError(t, err)
	return address
}

func (d *daemon) configure() {
	d.t.Helper()
	var text strings.Builder
	require.NoError(d.t, template.Must(template.New("").Parse(configuration)).Execute(&text, d.settings))
	require.NoError(d.t, os.WriteFile(d.configPath(), []byte(text.String()), 0o600))
}

func (d *daemon) configPath() string { return filepath.Join(d.Dir, "rollbackd.yaml") }

func (d *daemon) start(w *world) {
	d.t.Helper()
	out, err := os.OpenFile(d.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(d.t, err)
	defer out.Close()
	d.cmd = exec.Command(w.binary, append([]string{"run", "--config", d.configPath()}, d.args...)...)
	d.cmd.Stdout, d.cmd.Stderr = out, out
	require.NoError(d.t, d.cmd.Start())
	d.done = make(chan error, 1)
	go func(cmd *exec.Cmd, done chan<- error) { done <- cmd.Wait() }(d.cmd, d.done)
}

// kill ends the daemon as a crash of its machine would.
func (d *daemon) kill() {
	d.t.Helper()
	require.NoError(d.t, d.cmd.Process.Signal(syscall.SIGKILL))
	<-d.done
}

// stop asks the daemon to stop and requires that it does so cleanly.
func (d *daemon) stop() {
	if d.cmd.Process.Signal(syscall.SIGTERM) != nil {
		return // it was killed
	}
	select {
	case err := <-d.done:
		if err != nil {
			d.t.Errorf("the daemon did not stop cleanly: %v", err)
		}
	case <-time.After(patience * 20 * time.Second):
		_ = d.cmd.Process.Kill()
		<-d.done // or its folder could not be removed
		d.t.Error("the daemon does not stop")
	}
}

// logged is what the daemon has logged so far.
func (d *daemon) logged() string {
	data, _ := os.ReadFile(d.log)
	return string(data)
}

// showWatches shows the daemon's watches with their newest judgement, for whoever wonders why a test failed.
func (d *daemon) showWatches() {
	code, watches, err := d.get("/api/v1/watches")
	d.t.Logf("the daemon's watches: %d %v\n%s", code, err, watches)
}

// showLog shows the end of the daemon's log without what its NATS server says of its start and end.
func (d *daemon) showLog() {
	lines := slices.DeleteFunc(strings.Split(d.logged(), "\n"), func(line string) bool {
		return strings.Contains(line, `"logger":"nats"`) && strings.Contains(line, `"level":"debug"`)
	})
	d.t.Logf("the end of the daemon's log:\n%s", strings.Join(lines[max(0, len(lines)-60):], "\n"))
}

func (d *daemon) get(path string) (int, string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience*5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+d.HTTP+path, nil)
	if err != nil {
		return 0, "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

func (d *daemon) awaitReady() {
	d.t.Helper()
	last := ""
	eventually(d.t, 20*time.Second, func() (bool, string) {
		code, body, err := d.get("/-/ready")
		last = fmt.Sprint(code, " ", body, err)
		return code == http.StatusOK, "the daemon is not ready: " + last
	})
}

// awaitRejected waits until the counter of a kind of refusal shows n. The publisher is told first, and counting and
// logging come after.
func (d *daemon) awaitRejected(code event.Code, n int) {
	d.t.Helper()
	line := fmt.Sprintf("rollbackd_events_total{code=%q,result=\"rejected\"} %d\n", code, n)
	eventually(d.t, 10*time.Second, func() (bool, string) {
		_, metrics, err := d.get("/metrics")
		return err == nil && strings.Contains(metrics, line), "the metrics do not show " + line
	})
}

// watches returns all watches, the newest first. It waits until the daemon shows them: that it does not answer is not that there are none.
func (d *daemon) watches() (all []watch.View) {
	d.t.Helper()
	eventually(d.t, 20*time.Second, func() (bool, string) {
		var err error
		all, err = d.listed()
		return err == nil, fmt.Sprint("the daemon does not show its watches: ", err)
	})
	return all
}

// listed is what the daemon shows of its watches now, or why it shows none.
func (d *daemon) listed() ([]watch.View, error) {
	code, body, err := d.get("/api/v1/watches")
	if err != nil {
		return nil, err
	}
	if code != http.StatusOK {
		return nil, fmt.Errorf("%d %s", code, body)
	}
	var list struct {
		Watches []watch.View `json:"watches"`
	}
	err = json.Unmarshal([]byte(body), &list)
	return list.Watches, err
}

// await waits until the watch of the event with this id satisfies ok, and returns it.
func (d *daemon) await(id string, limit time.Duration, what string, ok func(watch.View) bool) watch.View {
	d.t.Helper()
	var found watch.View
	eventually(d.t, limit, func() (bool, string) {
		all, err := d.listed()
		for _, v := range all {
			if v.EventID == id {
				found = v
				return ok(v), fmt.Sprintf("watch %s is not %s: it is %s (%s)", id, what, v.State, v.Reason)
			}
		}
		return false, fmt.Sprintf("there is no watch of event %s (%v)", id, err)
	})
	return found
}

// awaitState waits until the watch of the event is in a state; it fails at once if it ends in another.
func (d *daemon) awaitState(id string, limit time.Duration, state watch.State) watch.View {
	d.t.Helper()
	return d.await(id, limit, string(state), func(v watch.View) bool {
		if v.Final && v.State != state {
			d.t.Fatalf("watch %s ended as %s (%s), and should have as %s", id, v.State, v.Reason, state)
		}
		return v.State == state
	})
}

// eventually polls until done, and fails with the last explanation when that has taken much longer than the limit, which is what it may take
// where little else runs.
func eventually(t *testing.T, limit time.Duration, done func() (bool, string)) {
	t.Helper()
	limit *= patience
	deadline := time.Now().Add(limit)
	for {
		ok, why := done()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %s: %s", limit, why)
		}
		<-time.After(100 * time.Millisecond)
	}
}
