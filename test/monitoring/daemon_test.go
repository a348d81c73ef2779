package monitoring

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/internal/app"
	"github.com/rollbackd/rollbackd/internal/config"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/localstack"
	"github.com/rollbackd/rollbackd/internal/promtest"
)

// settings are those of a daemon that has a NATS and a Prometheus, but no API server: /-/ready says so, and metrics show it.
const settings = `
instance: main
environments: [production]
nats:
  embedded:
    dataDir: %[1]s/nats
    listen: %[2]s
    users:
    - {name: ci, passwordFile: %[1]s/password, publish: [{environment: production, namespace: shop}]}
kubernetes: {kubeconfig: %[1]s/kubeconfig, timeout: 2s}
prometheus: {url: "%[3]s", scrapeInterval: 1s}
http: {listen: %[4]s}
files: {root: %[1]s}
policies:
- name: http
  signals:
  - {name: error-rate, requests: http_requests_total, errors: 'http_requests_total{code=~"5.."}'}
`

// kubeconfig names an API server that is not there: its port is given to nobody who does not ask for it.
const kubeconfig = `
apiVersion: v1
kind: Config
current-context: away
clusters: [{name: away, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: away, user: {}}]
contexts: [{name: away, context: {cluster: away, user: away}}]
`

// scraped is a daemon that runs, and the Prometheus that scrapes it.
type scraped struct {
	*promtest.Server
	http, nats string
}

func startScraped(t *testing.T) *scraped {
	t.Helper()
	if testing.Short() {
		t.Skip("needs the Prometheus that make stack-programs builds")
	}
	var ports localstack.Ports
	free := func() string {
		address, err := ports.FreeAddress()
		require.NoError(t, err)
		return address
	}
	dir := t.TempDir()
	d := &scraped{http: free(), nats: free()}
	d.Server = promtest.Start(t, fmt.Sprintf(`
global: {scrape_interval: 1s, evaluation_interval: 1s}
scrape_configs:
- job_name: rollbackd
  static_configs: [{targets: ["%s"], labels: {namespace: ops}}]
`, d.http))
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	write("password", "secret\n")
	write("kubeconfig", kubeconfig)
	cfg, err := config.Load(write("rollbackd.yaml", fmt.Sprintf(settings, dir, d.nats, d.URL, d.http)))
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- app.Run(ctx, app.Options{Config: cfg, Version: "1.2.3", Log: zap.NewNop(), Level: zap.NewAtomicLevel()})
	}()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
	promtest.Eventually(t, "the daemon has asked its Prometheus, and found no API server", func(context.Context) error {
		families, err := d.families()
		if err == nil && (families["rollbackd_prometheus_clock_ahead_seconds"] == nil || !calledInVain(families)) {
			err = fmt.Errorf("it shows %d families", len(families))
		}
		return err
	})
	return d
}

// calledInVain reports whether a call on the API server was counted.
func calledInVain(families map[string]*dto.MetricFamily) bool {
	for _, m := range families["rollbackd_kubernetes_request_duration_seconds"].GetMetric() {
		if m.GetHistogram().GetSampleCount() > 0 {
			return true
		}
	}
	return false
}

func (d *scraped) text() (string, error) {
	resp, err := http.Get("http://" + d.http + "/metrics")
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, body)
	}
	return string(body), err
}

// families are the metrics that the daemon shows now, by name.
func (d *scraped) families() (map[string]*dto.MetricFamily, error) {
	resp, err := http.Get("http://" + d.http + "/metrics")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the daemon answers %s", resp.Status)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	return parser.TextToMetricFamilies(resp.Body)
}

// publish publishes an event as a deploy tool would.
func (d *scraped) publish(t *testing.T, document map[string]any) {
	t.Helper()
	nc, err := nats.Connect("nats://"+d.nats, nats.UserInfo("ci", "secret"), nats.Timeout(time.Minute), nats.CustomInboxPrefix(event.InboxPrefix("ci")))
	require.NoError(t, err)
	defer nc.Close()
	data, err := json.Marshal(document)
	require.NoError(t, err)
	_, err = nc.Request("deployments.production.shop.checkout", data, time.Minute)
	require.NoError(t, err)
}
