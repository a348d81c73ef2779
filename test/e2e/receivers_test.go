package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/promtest"
	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// planted is a secret that must show nowhere but at the receiver that it is for.
const planted = "planted-secret-8c1f"

// receivers play Slack, PagerDuty, Grafana and what Alertmanager tells on, and note in a few words what each was told.
type receivers struct {
	mu   sync.Mutex
	told []string
}

func (r *receivers) note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told = append(r.told, fmt.Sprintf(format, args...))
}

// of returns what was told to one receiver.
func (r *receivers) of(name string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for _, t := range r.told {
		if rest, ok := strings.CutPrefix(t, name+" "); ok {
			out = append(out, rest)
		}
	}
	return out
}

func (r *receivers) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	var sent struct {
		Status, Text  string
		ThreadTS      string `json:"thread_ts"`
		TimeEnd       int64  `json:"timeEnd"`
		EventAction   string `json:"event_action"`
		DedupKey      string `json:"dedup_key"`
		RoutingKey    string `json:"routing_key"`
		CommonLabels  map[string]string
		authorization string
	}
	_ = json.Unmarshal(body, &sent)
	sent.authorization = req.Header.Get("Authorization")
	title, _, _ := strings.Cut(sent.Text, "\n")
	switch path := req.URL.Path; {
	case path == "/hook":
		r.note("alertmanager %s %s", sent.Status, sent.CommonLabels["workload"])
	case path == "/slack/chat.postMessage":
		r.note("slack thread=%v %s %s", sent.ThreadTS != "", title, sent.authorization)
		fmt.Fprint(w, `{"ok":true,"channel":"C024BE91L","ts":"1795342000.000100"}`)
	case path == "/slack/chat.update":
		fmt.Fprint(w, `{"ok":true,"channel":"C024BE91L","ts":"1795342000.000100"}`)
	case path == "/slack/files.getUploadURLExternal":
		fmt.Fprintf(w, `{"ok":true,"upload_url":"http://%s/upload","file_id":"F123ABC456"}`, req.Host)
	case path == "/upload":
		r.note("picture png=%v secret=%v", bytes.HasPrefix(body, []byte("\x89PNG\r\n")), sent.authorization != "")
	case path == "/slack/files.completeUploadExternal":
		form, _ := url.ParseQuery(string(body))
		r.note("picture thread=%s", form.Get("thread_ts"))
		fmt.Fprint(w, `{"ok":true}`)
	case path == "/v2/enqueue":
		r.note("pagerduty %s %s %s", sent.EventAction, sent.DedupKey, sent.RoutingKey)
		w.WriteHeader(http.StatusAccepted)
	case strings.HasPrefix(path, "/api/annotations"):
		r.note("grafana %s ends=%v %s", req.Method, sent.TimeEnd > 0, title)
		r.annotate(w, req)
	default:
		w.WriteHeader(http.StatusTeapot)
	}
}

// annotate has one annotation, once it was made.
func (r *receivers) annotate(w http.ResponseWriter, req *http.Request) {
	switch {
	case req.Method == http.MethodPost:
		fmt.Fprint(w, `{"id":7}`)
	case req.Method == http.MethodGet && slices.ContainsFunc(r.of("grafana"), func(t string) bool { return strings.HasPrefix(t, "POST") }):
		fmt.Fprintf(w, `[{"id":7,"tags":[%q]}]`, req.URL.Query().Get("tags"))
	case req.Method == http.MethodGet:
		fmt.Fprint(w, `[]`)
	}
}

// TestReceiversAreToldOfABadRelease: a rollback as each kind of receiver sees it, Alertmanager being the real one. The secrets that the receivers want
// show nowhere else.
func TestReceiversAreToldOfABadRelease(t *testing.T) {
	w := onStack(t)
	r := &receivers{}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	alertmanager, _ := promtest.StartAlertmanager(t, fmt.Sprintf("route: {receiver: hook, group_by: [incident], group_wait: 1s, group_interval: 1s}\n"+
		"receivers: [{name: hook, webhook_configs: [{url: '%s/hook', send_resolved: true}]}]\n", server.URL))
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte(planted+"\n"), 0o600))
	d := newDaemon(t, w, func(s *settings) {
		s.Notify = strings.NewReplacer("SERVER", server.URL, "SECRET", secret, "ALERTMANAGER", alertmanager).Replace(`
  sinks:
  - {name: alerts, alertmanager: {urls: ["ALERTMANAGER", "http://127.0.0.1:1"], resend: 15s}}
  - {name: chat, slack: {channel: C024BE91L, tokenFile: SECRET, url: "SERVER/slack/"}}
  - {name: pager, pagerDuty: {routingKeyFile: SECRET, url: "SERVER"}}
  - {name: charts, grafana: {url: "SERVER", tokenFile: SECRET}}
  routes:
  - {severities: [warn, page], sinks: [alerts, chat, pager]}
  - {sinks: [charts]}`)
	})
	s := newService(t, w)
	s.deploy("v2", sampleapp.FailingThird())
	s.announce(d, "bad", "v2")
	v := d.awaitState("bad", 90*time.Second, watch.RolledBack)

	name := s.Namespace + "/" + s.Name + " v2"
	requireTold(t, r, "alertmanager", "firing "+s.Name, "resolved "+s.Name)
	requireTold(t, r, "slack", "thread=false ⚠️ *"+name+" is bad* Bearer "+planted, "thread=true ✅ *"+name+" was rolled back, and it helped* Bearer "+planted)
	requireTold(t, r, "picture", "png=true secret=false", "thread=1795342000.000100")
	requireTold(t, r, "pagerduty", "trigger "+v.Incident+" "+planted, "trigger "+v.Incident+" "+planted, "resolve "+v.Incident+" "+planted)
	eventually(t, time.Minute, func() (bool, string) {
		told := r.of("grafana")
		return len(told) > 2 && strings.HasPrefix(told[1], "POST ends=false") && told[len(told)-1] == "PATCH ends=true "+name+" was rolled back, and it helped",
			fmt.Sprintf("Grafana was told %q", told)
	})
	requireNowhere(t, d)
}

// requireTold waits until a receiver was told exactly this, in this order.
func requireTold(t *testing.T, r *receivers, name string, want ...string) {
	t.Helper()
	eventually(t, time.Minute, func() (bool, string) {
		got := r.of(name)
		return slices.Equal(got, want), fmt.Sprintf("%s was told %q, want %q", name, got, want)
	})
}

// requireNowhere looks for the planted secret in all that the daemon wrote and shows.
func requireNowhere(t *testing.T, d *daemon) {
	t.Helper()
	for _, path := range []string{"/metrics", "/api/v1/watches", "/api/v1/incidents", "/"} {
		_, body, err := d.get(path)
		require.NoError(t, err)
		require.NotContains(t, body, planted, path)
	}
	d.stop()
	require.NoError(t, filepath.WalkDir(d.Dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err == nil {
			require.NotContains(t, string(data), planted, path)
		}
		return err
	}))
}
