package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"text/template"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/chaos"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// settings are what a case may change about its daemon.
type settings struct {
	Instance, Prometheus, Kubeconfig string
	NATS, HTTP, Dir, Files           string
	// External is the address of a NATS server to use; empty means the daemon's own.
	External  string
	Namespace string
	// LeaderElection has one of several daemons act; it needs External.
	LeaderElection bool
	// Alone has no other workload looked at, where many fail at once on purpose.
	Alone bool
	// MinRequests is how many requests a window must have to be judged, Baseline how long the time before a release is that it is
	// compared with, and For how long a breach lasts until a person is asked if there is too little evidence, doubled.
	MinRequests         int
	Baseline, For       time.Duration
	Active, OnCall, End time.Duration
	// MinBreach is how long a release must be bad before it is rolled back; Pause has its rollout stopped before that.
	MinBreach time.Duration
	Pause     bool
	// Binary is another build of rollbackd than the usual one, and ClockStep the file that its clock is stepped by.
	Binary, ClockStep string
}

const configuration = `
instance: {{.Instance}}
environments: [production]
nats:
{{- if .External}}
  url: {{.External}}
{{- else}}
  embedded:
    dataDir: {{.Dir}}/nats
    listen: {{.NATS}}
    users:
    - {name: deployer, passwordFile: {{.Dir}}/password, publish: [{environment: production, namespace: {{.Namespace}}}]}
{{- end}}
{{- if .LeaderElection}}
leaderElection: {enabled: true, namespace: {{.Namespace}}}
{{- end}}
kubernetes: {kubeconfig: {{.Kubeconfig}}}
prometheus: {url: "{{.Prometheus}}", scrapeInterval: 1s, timeout: 3s}
http: {listen: {{.HTTP}}}
files: {root: {{.Files}}}
budgets: # where many fail on purpose
  namespace: {rollbacks: 1000, within: 1h}
  cluster: {rollbacks: 1000, within: 1h}
log: {level: debug, format: json}
policies:
- name: http
  mode: automatic
  stages:
    active: {until: {{.Active}}, interval: 1s}
    onCall: {until: {{.OnCall}}, interval: 1s}
    enhanced: {until: {{.End}}, interval: 1s}
  baseline: {window: {{.Baseline}}}
  knownGood: {minServing: 5s}
  settleFor: 30s
  verify: {for: 3s, deadline: 2m}
  minBreach: {{.MinBreach}}
{{- if .Pause}}
  pauseAtSuspicion: true
{{- end}}
{{- if .Alone}}
  guards: {peers: false}
{{- end}}
  signals:
  - name: error-rate
    requests: http_requests_total{namespace="{{.Namespace}}"}
    errors: http_requests_total{namespace="{{.Namespace}}",code=~"5.."}
    window: 4s
    for: {{.For}}
    minRequests: {{.MinRequests}}
`

const password = "chaos-publisher"

// daemon is a rollbackd that is started and ends, once or more often.
type daemon struct {
	settings
	t    *testing.T
	w    *world
	cmd  *exec.Cmd
	done chan error
}

// newDaemon writes a configuration; the daemon is not started, and stops with the test.
func newDaemon(t *testing.T, w *world, change func(*settings)) *daemon {
	t.Helper()
	dir := t.TempDir()
	s := settings{
		Instance: namespaceOf(t), Prometheus: w.stack.Prometheus, Kubeconfig: w.stack.DaemonKubeconfig, NATS: freeAddress(t), HTTP: freeAddress(t),
		Dir: dir, Files: dir, Namespace: namespaceOf(t), MinRequests: 50,
		Baseline: 20 * time.Second, For: 5 * time.Second, Active: 2 * time.Minute,
		MinBreach: 15 * time.Second,
		Binary:    w.binary,
	}
	if change != nil {
		change(&s)
	}
	s.OnCall, s.End = s.Active+2*time.Second, s.Active+4*time.Second
	d := &daemon{settings: s, t: t, w: w}
	var text strings.Builder
	require.NoError(t, template.Must(template.New("").Parse(configuration)).Execute(&text, s))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "rollbackd.yaml"), []byte(text.String()), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "password"), []byte(password), 0o600))
	t.Cleanup(func() {
		if t.Failed() {
			d.showLog()
		}
		d.kill()
	})
	return d
}

func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := shared.ports.FreeAddress()
	require.NoError(t, err)
	return address
}

// start starts the daemon and waits until it is ready; with a point it dies there.
func (d *daemon) start(at chaos.Point) {
	d.t.Helper()
	d.launch(at)
	eventually(d.t, 2*time.Minute, func() (bool, string) {
		code, body, err := d.get("/-/ready")
		return code == http.StatusOK, fmt.Sprint("the daemon is not ready: ", code, " ", body, err)
	})
}

func (d *daemon) launch(at chaos.Point) {
	d.t.Helper()
	out, err := os.OpenFile(d.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(d.t, err)
	defer out.Close()
	d.cmd = exec.Command(d.Binary, "run", "--config", filepath.Join(d.Dir, "rollbackd.yaml"))
	d.cmd.Stdout, d.cmd.Stderr = out, out
	d.cmd.Env = append(os.Environ(), chaos.CrashVariable+"="+string(at))
	if d.ClockStep != "" {
		d.cmd.Env = append(d.cmd.Env, stepVariable+"="+d.ClockStep)
	}
	require.NoError(d.t, d.cmd.Start())
	d.done = make(chan error, 1)
	go func(cmd *exec.Cmd, done chan<- error) { done <- cmd.Wait(); close(done) }(d.cmd, d.done)
}

// awaitDeath waits until the daemon has killed itself.
func (d *daemon) awaitDeath(limit time.Duration) {
	d.t.Helper()
	select {
	case err := <-d.done:
		var exit *exec.ExitError
		require.True(d.t, errors.As(err, &exit), "the daemon ended by itself: %v", err)
		status, ok := exit.Sys().(syscall.WaitStatus)
		require.True(d.t, ok && status.Signal() == syscall.SIGKILL, "the daemon ended otherwise than by SIGKILL: %v", err)
	case <-time.After(limit):
		d.t.Fatalf("the daemon did not come to the point within %s: %+v", limit, d.watches())
	}
}

// kill ends the daemon as a crash of its machine would, if it runs.
func (d *daemon) kill() {
	if d.cmd != nil && d.cmd.Process.Kill() == nil {
		<-d.done
	}
}

func (d *daemon) signal(s syscall.Signal) {
	d.t.Helper()
	require.NoError(d.t, d.cmd.Process.Signal(s))
}

func (d *daemon) log() string { return filepath.Join(d.Dir, "daemon.log") }

func (d *daemon) showLog() {
	data, _ := os.ReadFile(d.log())
	lines := strings.Split(string(data), "\n")
	d.t.Logf("the end of the daemon's log:\n%s", strings.Join(lines[max(0, len(lines)-40):], "\n"))
}

func (d *daemon) get(path string) (int, string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
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

// notices is how many notices have a title with that text.
func (d *daemon) notices(title string) int {
	d.t.Helper()
	text, err := os.ReadFile(d.log())
	require.NoError(d.t, err)
	n := 0
	for line := range strings.Lines(string(text)) {
		var notice struct{ Logger, Title string }
		if json.Unmarshal([]byte(line), &notice) == nil && notice.Logger == "notice" && strings.Contains(notice.Title, title) {
			n++
		}
	}
	return n
}

func (d *daemon) watches() []watch.View {
	_, body, err := d.get("/api/v1/watches")
	var list struct {
		Watches []watch.View `json:"watches"`
	}
	if err != nil || json.Unmarshal([]byte(body), &list) != nil {
		return nil
	}
	return list.Watches
}

// await waits until the watch of the event satisfies ok, and returns it.
func (d *daemon) await(id string, limit time.Duration, what string, ok func(watch.View) bool) watch.View {
	d.t.Helper()
	var found watch.View
	eventually(d.t, limit, func() (bool, string) {
		for _, v := range d.watches() {
			if v.EventID == id {
				found = v
				return ok(v), fmt.Sprintf("watch %s is not %s: it is %s (%s)", id, what, v.State, v.Reason)
			}
		}
		return false, "there is no watch of event " + id
	})
	return found
}

func (d *daemon) awaitEnd(id string, limit time.Duration) watch.View {
	d.t.Helper()
	return d.await(id, limit, "over", func(v watch.View) bool { return v.Final })
}

// awaitHeld waits until the release has been in breach for some seconds, and not for long enough to be acted on.
func (d *daemon) awaitHeld(id string) {
	d.t.Helper()
	v := d.await(id, 90*time.Second, "in breach", func(v watch.View) bool { return len(v.Signals) > 0 && v.Signals[0].Held >= 2 })
	require.Equal(d.t, watch.Watching, v.State)
}

// publish announces a deployment as its tool would, until NATS has stored the event.
func (d *daemon) publish(e event.Event) {
	d.t.Helper()
	address, options := d.External, []nats.Option{nats.MaxReconnects(-1), nats.Timeout(20 * time.Second)}
	if address == "" {
		address = "nats://" + d.NATS
		options = append(options, nats.UserInfo("deployer", password), nats.CustomInboxPrefix("_INBOX_deployer"))
	}
	nc, err := nats.Connect(address, options...)
	require.NoError(d.t, err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	require.NoError(d.t, err)
	document, err := json.Marshal(e)
	require.NoError(d.t, err)
	eventually(d.t, time.Minute, func() (bool, string) {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		_, err := js.Publish(ctx, e.Target().Subject(), document)
		return err == nil, fmt.Sprint("NATS does not store the event: ", err)
	})
}
