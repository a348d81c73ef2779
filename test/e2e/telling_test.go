package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
	"github.com/rollbackd/rollbackd/notifier"
	"github.com/rollbackd/rollbackd/rollback"
)

// canary is the secret of every sink; it must be found nowhere.
const canary = "Y2FuYXJ5LTdmM2E5ZC1zZWNyZXQtbm90LXRvLWJlLXNlZW4h"

// hangingPlace is a place that sinks talk to. As long as it hangs it takes connections and never says a word.
type hangingPlace struct {
	address string
	mu      sync.Mutex
	hangs   bool
	held    []net.Conn
	got     []notifier.Notice
}

func newHangingPlace(t *testing.T) *hangingPlace {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r := &hangingPlace{address: listener.Addr().String(), hangs: true}
	server := &http.Server{Handler: r, ReadHeaderTimeout: time.Minute}
	accepted := &answering{Listener: listener, hangingPlace: r}
	go func() { _ = server.Serve(accepted) }()
	t.Cleanup(func() { _ = server.Close(); r.letGo() })
	return r
}

// answering keeps what is accepted while the place hangs.
type answering struct {
	net.Listener
	*hangingPlace
}

func (a *answering) Accept() (net.Conn, error) {
	for {
		conn, err := a.Listener.Accept()
		if err != nil {
			return nil, err
		}
		a.mu.Lock()
		hangs := a.hangs
		if hangs {
			a.held = append(a.held, conn)
		}
		a.mu.Unlock()
		if !hangs {
			return conn, nil
		}
	}
}

// letGo ends the hanging: from now on every request is answered.
func (r *hangingPlace) letGo() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hangs = false
	for _, conn := range r.held {
		_ = conn.Close()
	}
	r.held = nil
}

func (r *hangingPlace) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.URL.Path == "/webhook" {
		var event struct {
			Data notifier.Notice `json:"data"`
		}
		if json.NewDecoder(req.Body).Decode(&event) == nil {
			r.mu.Lock()
			r.got = append(r.got, event.Data)
			r.mu.Unlock()
		}
	}
	w.WriteHeader(http.StatusOK)
	_, _ = fmt.Fprint(w, `{"ok":true,"ts":"1.1","channel":"C0","id":1,"status":"success","dedup_key":"x"}`)
}

func (r *hangingPlace) notices() []notifier.Notice {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// configure plants the secrets of a sink of every kind that talks to the place, and returns what the section notify says.
func (r *hangingPlace) configure(t *testing.T, dir string) string {
	t.Helper()
	secrets := filepath.Join(dir, "secrets")
	require.NoError(t, os.MkdirAll(secrets, 0o700))
	for name, text := range map[string]string{
		"key": canary, "slackhook": "http://" + r.address + "/services/" + canary, "shoutrrr": "generic://" + r.address + "/" + canary + "?disabletls=yes",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(secrets, name), []byte(text+"\n"), 0o600))
	}
	return strings.NewReplacer("ADDRESS", r.address, "SECRETS", secrets).Replace(`
  sinks:
  - {name: bridge, webhook: {url: "http://ADDRESS/webhook", secretFiles: [SECRETS/key]}}
  - {name: alerts, alertmanager: {urls: ["http://ADDRESS"], httpClient: {authorization: {credentials_file: SECRETS/key}}}}
  - {name: chat, slack: {channel: C024BE91L, tokenFile: SECRETS/key, url: "http://ADDRESS/api"}}
  - {name: hook, slackWebhook: {urlFile: SECRETS/slackhook}}
  - {name: pager, pagerDuty: {routingKeyFile: SECRETS/key, url: "http://ADDRESS"}}
  - {name: charts, grafana: {url: "http://ADDRESS", tokenFile: SECRETS/key}}
  - {name: mail, smtp: {server: "ADDRESS", tls: off, from: r@example.com, to: [ops@example.com]}}
  - {name: other, shoutrrr: {urlFile: SECRETS/shoutrrr}}
  routes:
  - {sinks: [bridge, alerts, chat, hook, pager, charts, mail, other]}
`)
}

// TestSinksThatHangDelayNoRollback: two daemons take back the same bad release, side by side. To one of them every receiver is a place that takes
// connections and never answers. It is as fast as the other. Killed before anybody was told, it tells everything when it is back and somebody listens,
// each notice in its order; and no secret of any sink is in what it wrote.
func TestSinksThatHangDelayNoRollback(t *testing.T) {
	w := onStack(t)
	place := newHangingPlace(t)
	const alone = "{peers: false}" // two that fail at once would be taken for an outage
	quiet := newDaemon(t, w, func(s *settings) { s.Instance, s.Guards = s.Instance+"-q", alone })
	hung := newDaemon(t, w, func(s *settings) {
		s.Instance, s.Guards = s.Instance+"-h", alone
		s.Notify = place.configure(t, s.Dir)
	})
	one, other := createNamed(t, w, "one", 60, sampleapp.Behaviour{}), createNamed(t, w, "other", 60, sampleapp.Behaviour{})
	one.awaitBaseline()
	other.awaitBaseline()

	one.deploy("v2", sampleapp.FailingThird())
	other.deploy("v2", sampleapp.FailingThird())
	one.announce(quiet, "quiet", "v2")
	other.announce(hung, "hung", "v2")
	base := requireRecord(t, quiet, quiet.awaitState("quiet", 2*time.Minute, watch.RolledBack))
	v := hung.awaitState("hung", time.Minute, watch.RolledBack)
	measured := requireRecord(t, hung, v)
	t.Logf("from the verdict to the patch: %s without sinks, %s with eight that hang; from the deployment to the patch: %s and %s",
		base.acting, measured.acting, base.all, measured.all)
	require.Less(t, measured.acting, base.acting+8*time.Second, "a sink that was waited for would hang for ten seconds")
	require.Empty(t, place.notices())
	hung.kill()

	place.letGo()
	hung.start(w)
	hung.awaitReady()
	want := []notifier.Kind{notifier.KindDeployed, notifier.KindRegressed, notifier.KindRollingBack, notifier.KindRolledBack, notifier.KindPostmortem}
	eventually(t, time.Minute, func() (bool, string) {
		var kinds []notifier.Kind
		for _, n := range place.notices() {
			kinds = append(kinds, n.Kind)
		}
		return slices.Equal(kinds, want), fmt.Sprintf("told of %v, want %v", kinds, want)
	})
	seen := map[string]bool{}
	for _, n := range place.notices() {
		require.False(t, seen[n.ID], "told twice: %+v", n)
		seen[n.ID] = true
		require.Equal(t, "hung", n.EventID)
	}
	eventually(t, time.Minute, func() (bool, string) {
		text, err := os.ReadFile(filepath.Join(hung.Dir, "artifacts", "integration", v.Incident, "timeline.md"))
		return err == nil && strings.Contains(string(text), "Told: bridge (sent, "), "the timeline does not tell who was told: " + string(text)
	})
	requireNoSecret(t, hung)
}

// times are how long a rollback took.
type times struct{ acting, all time.Duration }

// requireRecord reads from the record how long the rollback took: from the verdict to the patch, and from the deployment's start.
func requireRecord(t *testing.T, d *daemon, v watch.View) times {
	t.Helper()
	var began, decided, landed time.Time
	eventually(t, 30*time.Second, func() (bool, string) {
		file, err := os.Open(filepath.Join(d.Dir, "artifacts", "integration", v.Incident, "journal.jsonl"))
		if err != nil {
			return false, err.Error()
		}
		defer file.Close()
		lines := bufio.NewScanner(file)
		lines.Buffer(nil, 8<<20)
		for lines.Scan() {
			var e incident.Entry
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
				return false, err.Error()
			}
			switch {
			case e.Pinned != nil && began.IsZero():
				began = e.Pinned.T0
			case e.State != nil && e.State.To == string(watch.Regressed) && decided.IsZero():
				decided = e.At
			case e.Outcome != nil && e.Outcome.Result == rollback.Landed:
				landed = e.At
			}
		}
		return !landed.IsZero() && !decided.IsZero(), "the record does not show the rollback yet"
	})
	return times{acting: landed.Sub(decided), all: landed.Sub(began)}
}

// requireNoSecret looks for the secret in the log, the metrics and every file but those that it was planted in. The daemon is stopped before, so that
// no file comes or goes meanwhile.
func requireNoSecret(t *testing.T, d *daemon) {
	t.Helper()
	_, metrics, err := d.get("/metrics")
	require.NoError(t, err)
	require.Contains(t, metrics, `rollbackd_notifications_total{result="sent",sink="bridge"}`)
	require.NotContains(t, metrics, canary)
	d.stop()
	require.NotContains(t, d.logged(), canary)
	files := 0
	require.NoError(t, filepath.WalkDir(d.Dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(path, filepath.Join(d.Dir, "secrets")) {
			return err
		}
		text, err := os.ReadFile(path)
		files++
		require.NotContains(t, string(text), canary, path)
		return err
	}))
	require.Greater(t, files, 5)
}
