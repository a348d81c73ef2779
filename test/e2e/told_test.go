package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gosmtp "github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
)

const hookKey = "e2e-webhook-0123456789abcdef"

// collected are texts that a receiver got, in their order.
type collected struct {
	mu    sync.Mutex
	texts []string
}

func (c *collected) add(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.texts = append(c.texts, text)
}

func (c *collected) all() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.texts)
}

// signedHook is a receiver of webhooks that takes only what is signed well, and keeps the types of the events.
func signedHook(t *testing.T, kinds *collected) string {
	t.Helper()
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mac := hmac.New(sha256.New, []byte(hookKey))
		fmt.Fprintf(mac, "%s.%s.%s", r.Header.Get("Webhook-Id"), r.Header.Get("Webhook-Timestamp"), body)
		if r.Header.Get("Webhook-Signature") != "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		var e struct{ Type string }
		_ = json.Unmarshal(body, &e)
		kinds.add(strings.TrimSuffix(strings.TrimPrefix(e.Type, "io.rollbackd.notice."), ".v1"))
	}))
	t.Cleanup(h.Close)
	return h.URL
}

// chat is what shoutrrr's generic service posts to.
func chat(t *testing.T, messages *collected) string {
	t.Helper()
	h := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		messages.add(string(body))
	}))
	t.Cleanup(h.Close)
	return strings.TrimPrefix(h.URL, "http://")
}

// mailbox is a mail server that takes everything.
type mailbox struct{ *collected }

func (m mailbox) NewSession(*gosmtp.Conn) (gosmtp.Session, error) { return m, nil }
func (mailbox) Reset()                                            {}
func (mailbox) Logout() error                                     { return nil }
func (mailbox) Mail(string, *gosmtp.MailOptions) error            { return nil }
func (mailbox) Rcpt(string, *gosmtp.RcptOptions) error            { return nil }
func (m mailbox) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	m.add(string(text))
	return err
}

func mailServer(t *testing.T, messages *collected) string {
	t.Helper()
	s := gosmtp.NewServer(mailbox{messages})
	s.Domain = "mail.test"
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(listener) }()
	t.Cleanup(func() { _ = s.Close(); <-done })
	return listener.Addr().String()
}

// Each receiver of a daemon hears of a bad release and of its end in its own words, and nobody of a secret.
func TestReceiversHearOfARollback(t *testing.T) {
	w := onStack(t)
	var kinds, messages, mails collected
	hook, chatAddress, mailAddress := signedHook(t, &kinds), chat(t, &messages), mailServer(t, &mails)
	d := newDaemon(t, w, func(s *settings) {
		write := func(name, secret string) string {
			path := filepath.Join(s.Dir, name)
			require.NoError(t, os.WriteFile(path, []byte(secret+"\n"), 0o600))
			return path
		}
		s.Notify = fmt.Sprintf(`
  sinks:
  - {name: hook, webhook: {url: %q, secretFiles: [%q]}}
  - {name: chat, shoutrrr: {urlFile: %q}}
  - {name: mail, smtp: {server: %q, tls: off, from: rollbackd@example.com, to: [on-call@example.com]}}
  - {name: cluster, kubernetesEvents: {}}
  - {name: delivery, cdevents: {}}
  routes: [{sinks: [hook, chat, mail, cluster, delivery]}]`, hook,
			write("hook-secret", "whsec_"+base64.StdEncoding.EncodeToString([]byte(hookKey))),
			write("chat-url", "generic://"+chatAddress+"/e2e-chat-token?disabletls=yes"), mailAddress)
	})
	documents, err := connect(t, d).SubscribeSync("rollbackd.cdevents.production." + d.Namespace + ".>")
	require.NoError(t, err)
	s := newService(t, w)
	s.deploy("v2", sampleapp.FailingThird())
	s.announce(d, "bad", "v2")
	v := d.awaitState("bad", 90*time.Second, watch.RolledBack)

	eventually(t, 30*time.Second, func() (bool, string) {
		got := kinds.all()
		return slices.Contains(got, "rolled-back"), fmt.Sprint(got)
	})
	got := kinds.all()
	require.Less(t, slices.Index(got, "regressed"), slices.Index(got, "rolled-back"), "in their order: %q", got)

	for _, want := range []string{"incident.detected", "service.rolledback", "incident.resolved"} {
		msg, err := documents.NextMsg(30 * time.Second)
		require.NoError(t, err, want)
		require.Equal(t, "dev.cdevents."+want+".0.3.0", msg.Header["ce-type"][0])
		require.Contains(t, string(msg.Data), v.Incident)
	}

	eventually(t, 30*time.Second, func() (bool, string) {
		events, err := w.client.EventsV1().Events(d.Namespace).List(t.Context(), metav1.ListOptions{FieldSelector: "reportingController=rollbackd.io/rollbackd"})
		if err != nil {
			return false, err.Error()
		}
		var reasons []string
		for _, e := range events.Items {
			reasons = append(reasons, e.Reason)
		}
		return slices.Contains(reasons, "ReleaseRegressed") && slices.Contains(reasons, "RollbackSucceeded"), fmt.Sprint(reasons)
	})
	for name, c := range map[string]*collected{"chat": &messages, "mail": &mails} {
		eventually(t, 30*time.Second, func() (bool, string) {
			text := strings.Join(c.all(), "\n")
			return strings.Contains(text, "was rolled back, and it helped"), name + " got " + text
		})
	}
	thread := "References: <rollbackd.i." + v.Incident + "@example.com>\r\n"
	require.Contains(t, strings.Join(mails.all(), "\n"), thread)
	requireKeptSecret(t, d, base64.StdEncoding.EncodeToString([]byte(hookKey)), hookKey, "e2e-chat-token")
}

// requireKeptSecret looks for secrets in the log and in all that is recorded. The files that they are read from have names of their own. The daemon is
// stopped before, so that no file comes or goes meanwhile.
func requireKeptSecret(t *testing.T, d *daemon, secrets ...string) {
	t.Helper()
	d.stop()
	require.NoError(t, filepath.WalkDir(d.Dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || slices.Contains([]string{"hook-secret", "chat-url"}, entry.Name()) {
			return err
		}
		data, err := os.ReadFile(path)
		for _, secret := range secrets {
			require.NotContains(t, string(data), secret, path)
		}
		return err
	}))
}
