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

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/rollbackd/rollbackd/notifier"
)

const plantedSecret = "hunter2-is-secret"

// sinksFor is a configuration in a folder, with a sink of each kind that speaks HTTP, all at that address, and their secrets in files beside it.
func sinksFor(t *testing.T, address string) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	for _, name := range []string{"slack-token", "pagerduty-key", "grafana-token", "am-password"} {
		write(name, " "+plantedSecret+"\n")
	}
	write("slack-webhook", address+"/services/"+plantedSecret+"\n")
	sinks := strings.ReplaceAll(`notify:
  sinks:
  - {name: alerts, alertmanager: {urls: ["ADDRESS"], httpClient: {basic_auth: {username: u, password_file: am-password}}}}
  - {name: chat, slack: {channel: C024BE91L, tokenFile: slack-token, url: "ADDRESS/api"}}
  - {name: hook, slackWebhook: {urlFile: slack-webhook}}
  - {name: pager, pagerDuty: {routingKeyFile: pagerduty-key, url: "ADDRESS"}}
  - {name: charts, grafana: {url: "ADDRESS", tokenFile: grafana-token, httpClient: {http_headers: {X-Key: {files: [am-password]}}}}}
policies:`, "ADDRESS", address)
	return write("rollbackd.yaml", string(edited("policies:", sinks)))
}

// TestSinksKeepTheirSecrets builds the sinks of a configuration and has their receiver say back all that it was sent.
func TestSinksKeepTheirSecrets(t *testing.T) {
	var told strings.Builder
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		user, password, _ := r.BasicAuth()
		told.WriteString(strings.Join([]string{r.Method, r.URL.Path, r.Header.Get("Authorization"), r.Header.Get("X-Key"), user, password, string(body), "\n"}, " "))
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(told.String()))
	}))
	defer server.Close()
	c, err := Load(sinksFor(t, server.URL))
	require.NoError(t, err)
	core, logs := observer.New(zap.DebugLevel)
	for _, s := range sinksOf(t, c, SinkTools{Log: zap.New(core)}) {
		told.Reset()
		_, err := s.Notify(t.Context(), notifier.Notice{ID: "n-1", Kind: notifier.KindRegressed, Severity: notifier.Page, Title: "x", Incident: "i", Open: true})
		require.ErrorContains(t, err, "answered 400", s.Name())
		require.Contains(t, told.String(), plantedSecret, "the sink %s did not use its secret", s.Name())
		require.NotContains(t, err.Error(), "hunter2", s.Name())
	}
	for _, line := range logs.All() {
		require.NotContains(t, fmt.Sprint(line.Message, line.ContextMap()), "hunter2")
	}
}

// The examples of the documentation must be what the daemon takes.
func TestDocumentedSinks(t *testing.T) {
	files, err := filepath.Glob("../../docs/notifications/*.md")
	require.NoError(t, err)
	found := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, part := range strings.Split(string(text), "```yaml\nnotify:\n")[1:] {
			example, _, closed := strings.Cut(part, "```\n")
			require.True(t, closed, file)
			_, err := Parse(edited("policies:", "notify:\n"+example+"policies:"))
			require.NoError(t, err, file)
			found++
		}
	}
	require.GreaterOrEqual(t, found, 4)
}

func TestSecretFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	_, err := secretFile(path)
	require.ErrorContains(t, err, path)
	for text, says := range map[string]string{
		" \n": "is empty", plantedSecret + "\nsecond": "has more than one line", "hunter2\xff\xfe": "is no text",
		strings.Repeat("hunter2", maxSecret): "has more than 65536 bytes",
	} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := secretFile(path)
		require.ErrorContains(t, err, says)
		require.NotContains(t, err.Error(), "hunter2")
	}
	require.NoError(t, os.WriteFile(path, []byte("old\n"), 0o600))
	read, err := secretFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte("\tnew\r\n"), 0o600))
	secret, err := read()
	require.NoError(t, err)
	require.Equal(t, "new", secret, "a secret that was replaced is used at once")
}

// A secret that is missing stops the start, in words that name the key and the file.
func TestSinksWithoutTheirSecrets(t *testing.T) {
	for name, says := range map[string]string{
		"slack-token": "slack.tokenFile: open ", "slack-webhook": "slackWebhook.urlFile: open ",
		"pagerduty-key": "pagerDuty.routingKeyFile: open ", "grafana-token": "grafana.tokenFile: open ",
	} {
		path := sinksFor(t, "http://127.0.0.1:1")
		missing := filepath.Join(filepath.Dir(path), name)
		require.NoError(t, os.Remove(missing))
		c, err := Load(path)
		require.NoError(t, err)
		var failures []string
		for _, s := range c.Notify.Sinks {
			if _, err := s.only().build(s.Name, SinkTools{Log: zap.NewNop()}); err != nil {
				failures = append(failures, err.Error())
			}
		}
		require.Len(t, failures, 1)
		require.Contains(t, failures[0], says+missing)
	}
}

// sinksOf makes the sinks of a configuration.
func sinksOf(t *testing.T, c *Config, tools SinkTools) []notifier.Sink {
	t.Helper()
	var out []notifier.Sink
	for _, s := range c.Notify.Sinks {
		sink, err := s.only().build(s.Name, tools)
		require.NoError(t, err)
		out = append(out, sink)
	}
	return out
}
