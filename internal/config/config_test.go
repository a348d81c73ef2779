package config

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	promconfig "github.com/prometheus/common/config"
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/watch"
	"github.com/rollbackd/rollbackd/rollback"
)

// least is the shortest configuration there is.
const least = `instance: prod
environments: [production]
prometheus: {url: "http://p:9090"}
policies:
- name: http
  signals:
  - name: errors
    requests: http_requests_total
    errors: http_requests_total{code=~"5.."}
`

// edited returns the shortest configuration with pairs of edits.
func edited(pairs ...string) []byte { return []byte(strings.NewReplacer(pairs...).Replace(least)) }

func TestDefaults(t *testing.T) {
	c, err := Parse([]byte(least))
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:9654", c.HTTP.Listen)
	require.Equal(t, "127.0.0.1:4222", c.NATS.Embedded.Listen)
	require.Equal(t, "data", c.NATS.Embedded.DataDir)
	require.Equal(t, ".", c.Files.Root)
	require.Equal(t, Log{Level: "info", Format: "auto"}, c.Log)
	require.Equal(t, []any{10 * time.Second, 10 * time.Second, 15 * time.Second}, []any{
		time.Duration(c.Prometheus.Timeout), time.Duration(c.Kubernetes.Timeout), time.Duration(c.Prometheus.ScrapeInterval)})
	require.Equal(t, []watch.Policy{{
		Name: "http",
		Stages: []watch.Stage{
			{Name: "active", Until: 15 * time.Minute, Interval: 15 * time.Second, Mode: watch.Observe},
			{Name: "on-call", Until: time.Hour, Interval: 15 * time.Second, Mode: watch.Observe},
			{Name: "enhanced", Until: 24 * time.Hour, Interval: time.Minute, Mode: watch.Observe},
		},
		Signals: []analyzer.Signal{{
			Name: "errors", Kind: analyzer.KindErrorRate, Requests: "http_requests_total", Errors: `http_requests_total{code=~"5.."}`,
			Labels: analyzer.Labels{Namespace: "namespace", Pod: "pod"}, Scrape: 15 * time.Second,
			Rule: analyzer.Sustained{Relative: 0.1, Absolute: 0.001, Window: time.Minute, For: 5 * time.Minute, MinRequests: 100},
		}},
		Alpha: 0.001, MinBreach: 15 * time.Second, BaselineWindow: time.Hour, MinServing: 15 * time.Minute, SettleFor: 5 * time.Minute, AnnounceWithin: 2 * time.Minute,
		Canary: defaultCanary().compile(),
		Peers:  true, Verify: watch.Verify{For: 2 * time.Minute, Deadline: 10 * time.Minute, GuardFor: time.Hour}, GitOps: rollback.GitOpsRefuse, ReadyWithin: 5 * time.Minute,
		ApprovalFor: time.Hour, CoolDown: 10 * time.Minute,
		Budgets: watch.Budgets{Workload: watch.Budget{Rollbacks: 3, Within: 24 * time.Hour}, Namespace: watch.Budget{Rollbacks: 5, Within: time.Hour}},
	}}, c.WatchPolicies())
}

// A mode holds for the first two stages; so long after a deployment as the third a person should look first.
func TestModes(t *testing.T) {
	modes := func(edits ...string) (out []watch.Mode) {
		c, err := Parse(edited(edits...))
		require.NoError(t, err)
		for _, s := range c.WatchPolicies()[0].Stages {
			out = append(out, s.Mode)
		}
		return out
	}
	require.Equal(t, []watch.Mode{watch.Automatic, watch.Automatic, watch.Approve}, modes("- name: http", "- name: http\n  mode: automatic"))
	require.Equal(t, []watch.Mode{watch.Automatic, watch.Observe, watch.Automatic}, modes("- name: http",
		"- name: http\n  mode: automatic\n  stages: {onCall: {mode: observe}, enhanced: {mode: automatic}}"))
}

// The first stage ticks once a scrape, but on whole seconds and not more often than every 5 s.
func TestTheFirstInterval(t *testing.T) {
	for scrape, want := range map[string]time.Duration{"1s": 5 * time.Second, "7500ms": 8 * time.Second, "30s": 30 * time.Second} {
		c, err := Parse(edited("  - name: errors", "  - name: errors\n    scrapeInterval: "+scrape))
		require.NoError(t, err)
		require.Equal(t, want, c.WatchPolicies()[0].Stages[0].Interval)
	}
}

// A signal that nothing is scraped for does not keep the others waiting.
func TestSignalsWithoutSeriesGoWithTheOthers(t *testing.T) {
	c, err := Parse(edited("  - name: errors", "  - {name: rollout, kind: rollout}\n  - name: errors\n    scrapeInterval: 5s"))
	require.NoError(t, err)
	p := c.WatchPolicies()[0]
	require.Equal(t, 5*time.Second, p.Stages[0].Interval)
	require.Equal(t, 5*time.Second, p.Scrape())
}

// What may be zero stays zero.
func TestZerosThatAreMeant(t *testing.T) {
	c, err := Parse(edited("  - name: errors", "  - name: errors\n    maxIncrease: {relative: 0, absolute: 0}"))
	require.NoError(t, err)
	rule := c.WatchPolicies()[0].Signals[0].Rule
	require.Zero(t, rule.Relative)
	require.Zero(t, rule.Absolute)
}

func TestPathsAreRelativeToTheFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "rollbackd.yaml")
	require.NoError(t, os.WriteFile(path, edited(`{url: "http://p:9090"}`, `{url: "http://p:9090", httpClient: {authorization: {credentials_file: token}}}`,
		"policies:", "kubernetes: {kubeconfig: kube}\nfiles: {root: out}\nnats:\n  embedded:\n    users:\n    - {name: ci, passwordFile: pw}\n"+
			"policies:"), 0o600))
	c, err := Load(path)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(dir, "pw"), c.NATS.Embedded.Users[0].PasswordFile)
	require.Equal(t, filepath.Join(dir, "kube"), c.Kubernetes.Kubeconfig)
	require.Equal(t, filepath.Join(dir, "token"), c.Prometheus.HTTPClient.Authorization.CredentialsFile)
	require.Equal(t, "out", c.Files.Root)

	require.NoError(t, os.WriteFile(path, edited("prod", "P"), 0o600))
	_, err = Load(path)
	require.ErrorContains(t, err, path+": line 1: instance: ")
	_, err = Load(filepath.Join(dir, "absent"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

// The HTTP client's configuration is Prometheus' own: it authenticates, and no error tells its secrets.
func TestHTTPClient(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		fmt.Fprint(w, user+"/"+password+"/"+r.Header.Get("X-Scope-OrgID"))
	}))
	defer server.Close()
	c, err := Parse(edited(`{url: "http://p:9090"}`,
		`{url: "http://p:9090", httpClient: {basic_auth: {username: ana, password: hunter2}, http_headers: {X-Scope-OrgID: {values: [shop]}}}}`))
	require.NoError(t, err)
	client, err := promconfig.NewClientFromConfig(*c.Prometheus.HTTPClient, "test")
	require.NoError(t, err)
	answer, err := client.Get(server.URL)
	require.NoError(t, err)
	defer answer.Body.Close()
	defer client.CloseIdleConnections()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, "ana/hunter2/shop", string(body))
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	const secret = "hunter2-is-secret"
	for _, client := range []string{
		secret, "[" + secret + "]", "{basic_auth: " + secret + "}", "{basic_auth: {username: u, password: [" + secret + "]}}",
		"{basic_auth: {username: u, pasword: " + secret + "}}", "{bearer_token: " + secret + ", basic_auth: {username: u, password: " + secret + "}}",
		"{tls_config: {insecure_skip_verify: " + secret + "}}", "{authorization: {credentials: " + secret + ", credentials_file: x}}",
		"{proxy_url: [" + secret + "]}", "{oauth2: {client_secret: {" + secret + ": x}}}",
	} {
		_, err := Parse(edited(`{url: "http://p:9090"}`, `{url: "http://p:9090", httpClient: `+client+`}`))
		require.ErrorContains(t, err, "line 3: prometheus.httpClient", client)
		require.NotContains(t, strings.ReplaceAll(err.Error(), "client_secret."+secret, ""), "hunter2", client)
	}
	for _, url := range []string{"http://u:" + secret + "@p:9090", "//u:" + secret + "@p", "u:" + secret + "@p"} {
		_, err := Parse(edited("http://p:9090", url))
		require.ErrorContains(t, err, "line 3: prometheus.url")
		require.NotContains(t, err.Error(), "hunter2")
	}
	_, err := Parse(edited("policies:", "nats: {url: 'nats://u:"+secret+"@n'}\npolicies:"))
	require.ErrorContains(t, err, "line 4: nats.url")
	require.NotContains(t, err.Error(), "hunter2")
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(least))
	for _, m := range mistakes() {
		f.Add(edited(m.edit...))
	}
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("policies: [&p {name: x, signals: [*p]}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse(data)
		if err == nil && (len(c.WatchPolicies()) == 0 || c.Instance == "") {
			t.Fatal("accepted without what is required")
		}
		if err != nil && strings.Contains(err.Error(), "config.") && !strings.Contains(string(data), "config.") {
			t.Fatalf("speaks of Go types: %v", err)
		}
	})
}
