package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/localstack"
)

// daemon is a rollbackd in a process of its own, with its own NATS inside, as it is when it is installed with its defaults.
type daemon struct {
	address string
	cmd     *exec.Cmd
	ended   chan error
	log     string
	asked   traffic
	proxy   *httptest.Server
	conn    *nats.Conn
	stream  jetstream.JetStream
}

const configuration = `
instance: scale
environments: [production]
nats:
  embedded:
    dataDir: %[1]s/nats
    listen: %[2]s
    users:
    - {name: deployer, passwordFile: %[1]s/password, publish: [%[6]s]}
kubernetes: {kubeconfig: %[3]s}
prometheus: {url: "%[4]s", scrapeInterval: 15s}
http: {listen: %[5]s}
files: {root: %[1]s/files}
policies:
- name: http
  mode: automatic
  baseline: {window: 1m}
  knownGood: {minServing: 5s}
  signals:
  - name: error-rate
    requests: http_requests_total
    errors: http_requests_total{code=~"5.."}
  - name: latency
    kind: latency
    histogram: http_request_duration_seconds_bucket
    slo: 500ms
`

const password = "scale-publisher"

// startDaemon builds and starts a daemon, with profiles of it to be had if so wanted, and returns when it is ready.
func startDaemon(ctx context.Context, stack *localstack.Stack, dir string, profiled bool) (*daemon, error) {
	root, err := localstack.Root()
	if err != nil {
		return nil, err
	}
	binary := filepath.Join(dir, "rollbackd")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/rollbackd")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build rollbackd: %w\n%s", err, out)
	}
	d := &daemon{ended: make(chan error, 1), log: filepath.Join(dir, "daemon.log")}
	if d.proxy, err = d.counted(stack.Prometheus); err != nil {
		return nil, err
	}
	listen, err := freeAddresses(2)
	if err != nil {
		return nil, err
	}
	d.address = listen[1]
	var scopes []string
	for n := range namespaces {
		scopes = append(scopes, fmt.Sprintf("{environment: production, namespace: %s}", team(n)))
	}
	text := fmt.Sprintf(configuration, dir, listen[0], stack.DaemonKubeconfig, d.proxy.URL, d.address, strings.Join(scopes, ", "))
	for name, content := range map[string]string{"rollbackd.yaml": text, "password": password} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			return nil, err
		}
	}
	log, err := os.Create(d.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	d.cmd = exec.Command(binary, "run", "--config", filepath.Join(dir, "rollbackd.yaml"), fmt.Sprintf("--pprof=%t", profiled))
	d.cmd.Stdout, d.cmd.Stderr = log, log
	if err := d.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { d.ended <- d.cmd.Wait() }()
	if err := d.connect(ctx, listen[0]); err != nil {
		return nil, joined(err, d.stop())
	}
	return d, nil
}

// connect waits until the daemon is ready, and connects to its NATS as a deploy tool does.
func (d *daemon) connect(ctx context.Context, address string) error {
	err := d.await(ctx, time.Minute, func() (bool, string) {
		response, err := http.Get("http://" + d.address + "/-/ready")
		if err != nil {
			return false, err.Error()
		}
		defer response.Body.Close()
		return response.StatusCode == http.StatusOK, response.Status
	})
	if err != nil {
		return err
	}
	if d.conn, err = nats.Connect("nats://"+address, nats.UserInfo("deployer", password), nats.CustomInboxPrefix("_INBOX_deployer")); err != nil {
		return err
	}
	d.stream, err = jetstream.New(d.conn)
	return err
}

// counted is a way to Prometheus on which what is asked and answered is counted.
func (d *daemon) counted(address string) (*httptest.Server, error) {
	to, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}
	forward.Transport = &d.asked
	return httptest.NewServer(forward), nil
}

// stop ends the daemon as an orchestrator would, and returns when it is gone.
func (d *daemon) stop() error {
	defer d.proxy.Close()
	if d.conn != nil {
		d.conn.Close()
	}
	_ = d.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself, which its error tells
	select {
	case err := <-d.ended:
		return err
	case <-time.After(30 * time.Second):
		return joined(fmt.Errorf("the daemon did not stop within 30 s and was killed"), joined(d.cmd.Process.Kill(), <-d.ended))
	}
}

// publish announces a deployment.
func (d *daemon) publish(ctx context.Context, e event.Event) error {
	document, err := json.Marshal(e)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	_, err = d.stream.Publish(ctx, e.Target().Subject(), document)
	return err
}

// await polls until done, or fails with the last explanation when the limit is over.
func (d *daemon) await(ctx context.Context, limit time.Duration, done func() (bool, string)) error {
	for deadline := time.Now().Add(limit); ; {
		ok, why := done()
		if ok {
			return nil
		}
		if time.Now().After(deadline) {
			log, _ := os.ReadFile(d.log)
			return fmt.Errorf("after %s: %s; the end of the daemon's log:\n%s", limit, why, log[max(0, len(log)-4000):])
		}
		if err := pass(ctx, time.Second); err != nil {
			return err
		}
	}
}

// awaitState waits until so many watches are in a state.
func (d *daemon) awaitState(ctx context.Context, state string, watches int, limit time.Duration) error {
	return d.await(ctx, limit, func() (bool, string) {
		told, err := d.metrics(ctx)
		if err != nil {
			return false, err.Error()
		}
		var states string
		var n float64
		for _, m := range told["rollbackd_watches"].GetMetric() {
			if m.GetLabel()[0].GetValue() == state {
				n = m.GetGauge().GetValue()
			}
			if m.GetGauge().GetValue() > 0 {
				states += fmt.Sprintf(" %v %s", m.GetGauge().GetValue(), m.GetLabel()[0].GetValue())
			}
		}
		return int(n) == watches, fmt.Sprintf("not all of %d watches are %s:%s", watches, state, states)
	})
}

// metrics are what the daemon tells of itself.
func (d *daemon) metrics(ctx context.Context) (map[string]*dto.MetricFamily, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+d.address+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	return parser.TextToMetricFamilies(response.Body)
}

// footing tells what the daemon has taken so far.
func (d *daemon) footing(ctx context.Context) (footing, error) {
	told, err := d.metrics(ctx)
	if err != nil {
		return footing{}, err
	}
	f := footing{CPU: cpu(d.cmd.Process.Pid), Queries: d.asked.queries.Load(), Bytes: d.asked.bytes.Load(), at: time.Now()}
	f.Resident, f.Highest = memory(d.cmd.Process.Pid)
	for _, m := range told["go_memstats_heap_inuse_bytes"].GetMetric() {
		f.Heap = uint64(m.GetGauge().GetValue())
	}
	for _, m := range told["rollbackd_ticks_total"].GetMetric() {
		f.Ticks += m.GetCounter().GetValue()
	}
	for _, m := range told["rollbackd_tick_lag_seconds"].GetMetric() {
		for _, b := range m.GetHistogram().GetBucket() {
			if b.GetUpperBound() == 30 {
				f.Late = float64(m.GetHistogram().GetSampleCount() - b.GetCumulativeCount())
			}
		}
	}
	return f, nil
}

// freeAddresses are loopback addresses that nobody listens on, all different.
func freeAddresses(n int) (out []string, err error) {
	var ports localstack.Ports
	for len(out) < n {
		address, err := ports.FreeAddress()
		if err != nil {
			return nil, err
		}
		out = append(out, address)
	}
	return out, nil
}
