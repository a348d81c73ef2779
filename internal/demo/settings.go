package demo

import (
	"bytes"
	"fmt"
	"path/filepath"
	"text/template"
	"time"

	"github.com/rollbackd/rollbackd/internal/localstack"
)

// What is deployed, and who says so.
const (
	environment = "production"
	namespace   = "shop"
	workload    = "checkout"
	paired      = "payments" // in two colours
	publisher   = "ci"
)

// What releases are judged by.
const (
	signalErrors  = "errors"
	signalLatency = "latency"
)

// windows are the times that the demo shortens.
type windows struct {
	Interval, Window, For, Baseline, MinServing, VerifyFor, Active, OnCall, Watch time.Duration
}

// shortened are windows in which the stories fit into a few minutes; with 60 requests a second they still hold many
// times the requests that the rule asks for.
func shortened() windows {
	return windows{
		Interval: 2 * time.Second, Window: 10 * time.Second, For: 15 * time.Second,
		Baseline: 30 * time.Second, MinServing: 20 * time.Second, VerifyFor: 10 * time.Second,
		Active: 40 * time.Second, OnCall: 50 * time.Second, Watch: time.Minute,
	}
}

// table says what is shortened, and what it is by default.
func (w windows) table() [][3]string {
	return [][3]string{
		{"", "here", "by default"},
		{"a breach must hold for more than", span(w.For), "5 min"},
		{"error rate and P95 are those of the last", span(w.Window), "1 min"},
		{"the baseline is the time before the release", span(w.Baseline), "60 min"},
		{"the version before is good if it served for", span(w.MinServing), "15 min"},
		{"a rollback helped if all is well again for", span(w.VerifyFor), "2 min"},
		{"a release is watched for", span(w.Watch), "24 h"},
	}
}

// configuration is the daemon's.
const configuration = `instance: demo
environments: [{{.Environment}}]
nats:
  embedded:
    dataDir: {{.DataDir}}
    listen: {{.NATS}}
    users:
    - name: {{.Publisher}}
      passwordFile: password
      publish:
      - {environment: {{.Environment}}, namespace: {{.Namespace}}}
kubernetes:
  kubeconfig: {{.Stack.DaemonKubeconfig}}
prometheus:
  url: {{.Stack.Prometheus}}
  scrapeInterval: {{.Stack.Scrape}}
http:
  listen: {{.HTTP}}
files:
  root: .
log:
  format: json
policies:
- name: http
  match:
  - {environment: {{.Environment}}, namespace: {{.Namespace}}}
  mode: automatic
  stages:
    active: {until: {{.W.Active}}, interval: {{.W.Interval}}}
    onCall: {until: {{.W.OnCall}}, interval: {{.W.Interval}}}
    enhanced: {until: {{.W.Watch}}, interval: {{.W.Interval}}}
  baseline: {window: {{.W.Baseline}}}
  knownGood: {minServing: {{.W.MinServing}}}
  verify: {for: {{.W.VerifyFor}}, deadline: 60s}
  signals:
  - name: {{.Errors}}
    kind: error-rate
    requests: http_requests_total
    errors: http_requests_total{code=~"5.."}
    window: {{.W.Window}}
    for: {{.W.For}}
  - name: {{.Latency}}
    kind: latency
    histogram: http_request_duration_seconds_bucket
    slo: 500ms
    window: {{.W.Window}}
    for: {{.W.For}}
`

// settings returns the daemon's configuration file.
func settings(d *daemon, stack localstack.Addresses) ([]byte, error) {
	parsed, err := template.New("configuration").Parse(configuration)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	err = parsed.Execute(&text, map[string]any{
		"DataDir": filepath.Join(d.folder, "data"), "NATS": d.nats, "HTTP": d.http, "Stack": stack, "W": shortened(),
		"Environment": environment, "Namespace": namespace, "Publisher": publisher,
		"Errors": signalErrors, "Latency": signalLatency,
	})
	if err != nil {
		return nil, fmt.Errorf("generate the daemon's configuration: %w", err)
	}
	return text.Bytes(), nil
}
