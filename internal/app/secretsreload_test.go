package app

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/internal/config"
	"github.com/rollbackd/rollbackd/internal/watch"
	"github.com/rollbackd/rollbackd/notifier"
)

// inbox plays Slack, a bridge behind a webhook and a mail server, and notes by which secret, and for whom, each was told of what.
type inbox struct {
	mu   sync.Mutex
	told []string
	// key signs what the bridge is told; it is looked up for each request.
	key func() []byte
}

func (i *inbox) note(format string, args ...any) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.told = append(i.told, fmt.Sprintf(format, args...))
}

func (i *inbox) has(line string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, told := range i.told {
		if strings.HasPrefix(told, line) {
			return true
		}
	}
	return false
}

func (i *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	title := "?"
	for _, known := range []string{"first", "second", "third"} {
		if strings.Contains(string(body), known) {
			title = known
		}
	}
	if r.URL.Path == "/bridge" {
		mac := hmac.New(sha256.New, i.key())
		fmt.Fprintf(mac, "%s.%s.%s", r.Header.Get("Webhook-Id"), r.Header.Get("Webhook-Timestamp"), body)
		signed := r.Header.Get("Webhook-Signature") == "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil))
		i.note("bridge %s by the newest key: %t", title, signed)
		return
	}
	i.note("slack %s by %s", title, r.Header.Get("Authorization"))
	fmt.Fprint(w, `{"ok":true,"channel":"C024BE91L","ts":"1795342000.000100"}`)
}

// serveMail speaks as much SMTP as it takes to be told something, until the listener is closed.
func (i *inbox) serveMail(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go i.takeMail(c)
	}
}

func (i *inbox) takeMail(c net.Conn) {
	defer c.Close()
	in, say := bufio.NewScanner(c), func(text string) { fmt.Fprint(c, text+"\r\n") }
	say("220 mail")
	login, to := "", ""
	for in.Scan() {
		verb, rest, _ := strings.Cut(in.Text(), " ")
		switch strings.ToUpper(verb) {
		case "EHLO":
			say("250-mail\r\n250 AUTH PLAIN")
		case "AUTH":
			plain, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(rest, "PLAIN "))
			login = strings.ReplaceAll(strings.TrimPrefix(string(plain), "\x00"), "\x00", ":")
			say("235 ok")
		case "RCPT":
			to = rest
			say("250 ok")
		case "DATA":
			say("354 go on")
			title := "?"
			for in.Scan() && in.Text() != "." {
				if subject, ok := strings.CutPrefix(in.Text(), "Subject:"); ok {
					title = subject
				}
			}
			for _, known := range []string{"first", "second", "third"} {
				if strings.Contains(title, known) {
					i.note("mail %s to %s by %s", known, to, login)
				}
			}
			say("250 ok")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

const tellingConfig = `instance: test
environments: [production]
prometheus: {url: "http://127.0.0.1:9090"}
policies: [{name: all, signals: [{name: errors, requests: r, errors: e}]}]
notify:
  contacts: contacts.yaml
  sinks:
  - {name: chat, slack: {channel: C024BE91L, tokenFile: TOKEN, url: "%s/"}}
  - {name: bridge, webhook: {url: "%s/bridge", secretFiles: [key]}}
  - {name: mail, smtp: {server: "%s", tls: "off", username: rollbackd, passwordFile: password, from: r@example.com}}
  routes: [{sinks: [chat, bridge, mail], to: [on-call]}]
`

// TestTheNextNoticeHasTheNewSecrets: contacts, the token of Slack, the key of a webhook and the password of a mail server are replaced in their files, and then the
// token's file by another one through a reload. The notice after each is told to the new people by the new secrets, once to each receiver.
func TestTheNextNoticeHasTheNewSecrets(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		fresh := filepath.Join(dir, name+".new")
		require.NoError(t, os.WriteFile(fresh, []byte(text), 0o600))
		require.NoError(t, os.Rename(fresh, filepath.Join(dir, name)))
	}
	var keyMu sync.Mutex
	var key []byte
	newKey := func() {
		keyMu.Lock()
		defer keyMu.Unlock()
		key = make([]byte, 32)
		_, _ = rand.Read(key)
		write("key", "whsec_"+base64.StdEncoding.EncodeToString(key))
	}
	to := &inbox{key: func() []byte { keyMu.Lock(); defer keyMu.Unlock(); return key }}
	web := httptest.NewServer(to)
	t.Cleanup(web.Close)
	mail, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = mail.Close() })
	go to.serveMail(mail)
	configure := func(token string) {
		write("rollbackd.yaml", fmt.Sprintf(strings.Replace(tellingConfig, "TOKEN", token, 1), web.URL, web.URL, mail.Addr()))
	}
	onCall := func(address string) { write("contacts.yaml", "roles: [{roles: {on-call: [{email: "+address+"}]}}]") }
	newKey()
	write("token", "xoxb-1")
	write("other-token", "xoxb-3")
	write("password", "mail-1")
	onCall("ana@example.com")
	configure("token")

	cfg, err := config.Load(filepath.Join(dir, "rollbackd.yaml"))
	require.NoError(t, err)
	registry := prometheus.NewRegistry()
	b, nc := openBus(t)
	p := process{cfg: cfg, nc: nc, log: zap.NewNop(), told: notifier.NewMetrics(registry), settings: newSettings(cfg, zap.NewAtomicLevel(), zap.NewNop(), registry)}
	p.settings.trying(p.try)
	first, err := p.newTeller(cfg, b)
	require.NoError(t, err)
	tellers := newTellers(first)
	tellers.serve(nobody{}, nil)
	detach, err := p.settings.attach(cfg, (&replacement{process: p, events: b, holds: cfg, supervisor: watch.New(watch.Options{}), teller: tellers}).prepare)
	require.NoError(t, err)
	defer detach()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- tellers.Run(ctx) }()
	t.Cleanup(func() { cancel(); require.NoError(t, <-done) })

	tell := func(title string, lines ...string) {
		t.Helper()
		tellers.Send(notifier.Notice{ID: title, Title: title, Severity: notifier.Page, At: time.Now(), Environment: "production", Workload: "shop/checkout"})
		for _, line := range lines {
			require.Eventually(t, func() bool { return to.has(line) }, 60*time.Second, 20*time.Millisecond, line)
		}
	}
	tell("first", "slack first by Bearer xoxb-1", "bridge first by the newest key: true", "mail first to TO:<ana@example.com> by rollbackd:mail-1")

	newKey()
	write("token", "xoxb-2")
	write("password", "mail-2")
	onCall("ben@example.com")
	<-time.After(contactsLook + 100*time.Millisecond) // a rota is looked at every few seconds
	tell("second", "slack second by Bearer xoxb-2", "bridge second by the newest key: true", "mail second to TO:<ben@example.com> by rollbackd:mail-2")

	configure("absent-token")
	require.ErrorContains(t, p.settings.reload(), "absent-token")
	configure("other-token")
	newKey()
	write("password", "mail-3")
	require.NoError(t, p.settings.reload())
	tell("third", "slack third by Bearer xoxb-3", "bridge third by the newest key: true", "mail third to TO:<ben@example.com> by rollbackd:mail-3")

	to.mu.Lock()
	defer to.mu.Unlock()
	once := map[string]int{}
	for _, line := range to.told {
		receiver, rest, _ := strings.Cut(line, " ")
		title, _, _ := strings.Cut(rest, " ")
		once[receiver+" "+title]++
	}
	require.Len(t, once, 9)
	for what, n := range once {
		require.Equal(t, 1, n, what)
	}
}
