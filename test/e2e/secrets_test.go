package e2e

import (
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/sampleapp"
)

// canaries are secrets that can be told apart, each in a file of its own or in the configuration.
type canaries struct {
	t   *testing.T
	dir string
	all []string
}

// secret returns a new secret.
func (c *canaries) secret(place string) string {
	text := fmt.Sprintf("canary-%s-%d", place, 7001+len(c.all))
	c.all = append(c.all, text)
	return text
}

// file writes a new secret into a file, in the form that the format gives it, and returns the path.
func (c *canaries) file(place, format string) string {
	c.t.Helper()
	path := filepath.Join(c.dir, place)
	require.NoError(c.t, os.WriteFile(path, fmt.Appendf(nil, format, c.secret(place)), 0o600))
	return path
}

// encoded writes a new secret in base64, which must show nowhere either.
func (c *canaries) encoded(place string) string {
	c.t.Helper()
	path := filepath.Join(c.dir, place)
	text := base64.StdEncoding.EncodeToString([]byte(c.secret(place) + "-of-a-fair-length"))
	c.all = append(c.all, text)
	require.NoError(c.t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// fetch asks for a path with the token.
func (d *daemon) fetch(path, token string) string {
	d.t.Helper()
	r, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet, "http://"+d.HTTP+path, nil)
	require.NoError(d.t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(d.t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(d.t, err)
	require.Equal(d.t, http.StatusOK, answer.StatusCode, "%s: %s", path, body)
	return string(body)
}

// TestNoSecretShows: a secret is planted in every place of the configuration that takes one. The log at its most talkative, the records, the metrics, the pages and what
// NATS keeps have none of them, although no receiver can be reached, a bad release is acted on, and the configuration is broken at the end.
func TestNoSecretShows(t *testing.T) {
	w := onStack(t)
	c := &canaries{t: t, dir: t.TempDir(), all: []string{password}}
	token := c.file("http-token", "%s\n")
	d := newDaemon(t, w, func(s *settings) {
		s.HTTPKeys = fmt.Sprintf("tokenFile: %q", token)
		s.PrometheusKeys = fmt.Sprintf("httpClient: {basic_auth: {username: u, password: %q}, http_headers: {X-Key: {secrets: [%q]}}}", c.secret("prometheus"), c.secret("header"))
		s.Notify = strings.NewReplacer(
			"SLACK", c.file("slack", "%s"), "HOOK", c.file("hook", "http://127.0.0.1:1/services/%s"), "PAGER", c.file("pager", "%s"), "GRAFANA", c.file("grafana", "%s"),
			"MAIL", c.file("mail", "%s"), "SIGNING", c.encoded("signing"), "SHOUTRRR", c.file("shoutrrr", "generic://127.0.0.1:1/%s?disabletls=yes"),
			"AM", c.file("am", "%s"), "BEARER", c.file("bearer", "%s"), "INLINE", c.secret("inline"),
		).Replace(`
  giveUpAfter: 5s
  sinks:
  - {name: alerts, alertmanager: {urls: ["http://127.0.0.1:1"], httpClient: {basic_auth: {username: u, password_file: AM}}}}
  - {name: chat, slack: {channel: C024BE91L, tokenFile: SLACK, url: "http://127.0.0.1:1/"}}
  - {name: hook, slackWebhook: {urlFile: HOOK}}
  - {name: pager, pagerDuty: {routingKeyFile: PAGER, url: "http://127.0.0.1:1"}}
  - {name: charts, grafana: {url: "http://127.0.0.1:1", tokenFile: GRAFANA}}
  - {name: mail, smtp: {server: "127.0.0.1:1", username: u, passwordFile: MAIL, from: a@example.com, to: [b@example.com]}}
  - {name: bridge, webhook: {url: "http://127.0.0.1:1/in", secretFiles: [SIGNING], httpClient: {authorization: {credentials_file: BEARER}}}}
  - {name: inline, webhook: {url: "http://127.0.0.1:1/in", secretFiles: [SIGNING], httpClient: {authorization: {credentials: INLINE}}}}
  - {name: others, shoutrrr: {urlFile: SHOUTRRR}}`)
	})
	shown, err := os.ReadFile(token)
	require.NoError(t, err)
	secret := strings.TrimSpace(string(shown))
	code, _, err := d.get("/api/v1/watches")
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, code)

	s := newService(t, w)
	s.deploy("v2", sampleapp.FailingThird())
	s.announce(d, "bad", "v2")
	eventually(t, 2*time.Minute, func() (bool, string) {
		all := d.fetch("/api/v1/watches", secret)
		return strings.Contains(all, `"final":true`) && strings.Contains(all, `"incident":"`), "no incident has come to its end: " + all
	})
	d.awaitLogged("notice not delivered")

	pages := []string{"/", "/metrics", "/incidents/", "/api/v1/watches", "/api/v1/incidents", "/-/ready"}
	var timelines []string // each is written once all that it links to is there
	eventually(t, time.Minute, func() (bool, string) {
		timelines, err = filepath.Glob(filepath.Join(d.Dir, "artifacts", "integration", "*", "timeline.md"))
		return err == nil && len(timelines) > 0, "no incident is on record"
	})
	for _, one := range timelines {
		at := "/incidents/" + filepath.Base(filepath.Dir(one)) + "/"
		pages = append(pages, at, at+"timeline.md", at+"incident.json", at+"journal.jsonl")
	}
	d.edit("prometheus: {", "prometheus: {urll: x, ", "sinks:", "sinkss:")
	require.NoError(t, d.hangUp())
	d.awaitLogged("the one of before is kept")
	for _, path := range pages {
		c.requireNone(path, d.fetch(path, secret))
	}
	d.stop()
	files := 0
	require.NoError(t, filepath.WalkDir(d.Dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path == d.configPath() || path == filepath.Join(d.Dir, "password") {
			return err
		}
		data, err := os.ReadFile(path)
		files++
		c.requireNone(path, string(data))
		return err
	}))
	require.Greater(t, files, 10)
}

// requireNone requires that a text has none of the secrets.
func (c *canaries) requireNone(where, text string) {
	c.t.Helper()
	for _, secret := range c.all {
		require.False(c.t, strings.Contains(text, secret), "%s has the secret %s", where, secret)
	}
}
