package notifier

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	webhookSecret = "whsec_cGxhbnRlZC1zZWNyZXQtMDEyMzQ1Njc4OWFiY2RlZg=="
	webhookOther  = "YW5vdGhlci1zZWNyZXQtMDEyMzQ1Njc4OWFiY2RlZg=="
)

// hook is a receiver of webhooks that keeps what it got and answers what it is told.
type hook struct {
	*httptest.Server
	header http.Header
	body   []byte
	calls  int
}

func newHook(t *testing.T, answer func(http.ResponseWriter)) *hook {
	t.Helper()
	h := &hook{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.calls++
		h.header = r.Header
		h.body, _ = io.ReadAll(r.Body)
		if answer != nil {
			answer(w)
		}
	}))
	t.Cleanup(h.Close)
	return h
}

func webhook(url string, secrets ...string) *Webhook {
	opts := WebhookOptions{Name: "hook", URL: url + "/in?token=canary-url-token", Source: "/rollbackd/main", Now: func() time.Time { return time.Unix(1795341911, 0) }}
	if secrets != nil {
		opts.Secrets = func() ([]string, error) { return secrets, nil }
	}
	return NewWebhook(opts)
}

func TestWebhookPostsACloudEvent(t *testing.T) {
	h := newHook(t, nil)
	retry, err := webhook(h.URL).Notify(t.Context(), regressed())
	require.NoError(t, err)
	require.False(t, retry)
	require.Equal(t, "application/cloudevents+json", h.header.Get("Content-Type"))
	require.Equal(t, "n-7", h.header.Get("Webhook-Id"))
	require.Equal(t, "1795341911", h.header.Get("Webhook-Timestamp"))
	require.Empty(t, h.header.Get("Webhook-Signature"))
	got := decodeJSON(t, string(h.body))
	data := got["data"]
	delete(got, "data")
	require.Equal(t, map[string]any{
		"specversion": "1.0", "id": "n-7", "source": "/rollbackd/main", "type": "io.rollbackd.notice.regressed.v1", "subject": "shop/checkout",
		"time": "2026-11-22T10:05:10Z", "datacontenttype": "application/json",
	}, got)
	require.Equal(t, decodeJSON(t, encodeJSON(t, regressed())), data)
}

func TestWebhookSignature(t *testing.T) {
	h := newHook(t, nil)
	n := regressed()
	n.ID = "production.shop.4d1f.17"
	_, err := webhook(h.URL, webhookSecret, webhookOther).Notify(t.Context(), n)
	require.NoError(t, err)
	require.Equal(t, "production~shop~4d1f~17", h.header.Get("Webhook-Id"), "a dot parts what is signed")
	sign := func(key string) string {
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte("production~shop~4d1f~17.1795341911." + string(h.body)))
		return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	require.Equal(t, sign("planted-secret-0123456789abcdef")+" "+sign("another-secret-0123456789abcdef"), h.header.Get("Webhook-Signature"))
}

// The example of the Standard Webhooks reference libraries' own tests.
func TestWebhookSignatureIsTheStandards(t *testing.T) {
	w := NewWebhook(WebhookOptions{
		Secrets: func() ([]string, error) { return []string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, nil },
		Now:     func() time.Time { return time.Unix(1614265330, 0) },
	})
	header, _, err := w.header(Notice{ID: "msg_p5jXN8AQM9LWM0D4loKWxJek"}, []byte(`{"test": 2432232314}`))
	require.NoError(t, err)
	require.Equal(t, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", header.Get("Webhook-Signature"))
}

// The documentation's own lines verify what is sent, and refuse what was changed or is old.
func TestDocumentedVerification(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed")
	}
	page, err := os.ReadFile("../docs/notifications/webhook.md")
	require.NoError(t, err)
	_, code, _ := strings.Cut(string(page), "```python\n")
	code, _, found := strings.Cut(code, "```")
	require.True(t, found)

	h := newHook(t, nil)
	_, err = webhook(h.URL, webhookOther, webhookSecret).Notify(t.Context(), regressed())
	require.NoError(t, err)
	headers := map[string]string{}
	for _, name := range []string{"webhook-id", "webhook-timestamp", "webhook-signature"} {
		headers[name] = h.header.Get(name)
	}
	check := fmt.Sprintf(`
import json, sys
headers, body = json.loads(%q), base64.b64decode(%q)
at = lambda: 1795341911 + 200
print(verify(%q, headers, body, at), verify(%q, headers, body, at), verify(%q, headers, body + b" ", at),
      verify(%q, headers, body, lambda: 1795341911 + 301), verify("whsec_" + "QUJD" * 10, headers, body, at))
`, encodeJSON(t, headers), base64.StdEncoding.EncodeToString(h.body), webhookSecret, webhookOther, webhookSecret, webhookSecret)
	out, err := exec.CommandContext(t.Context(), python, "-c", code+check).CombinedOutput()
	require.NoError(t, err, string(out))
	require.Equal(t, "True True False False False\n", string(out))
}

func TestWebhookAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		answer  func(http.ResponseWriter)
		problem string
		retry   bool
	}{
		"accepted":        {func(w http.ResponseWriter) { w.WriteHeader(202) }, "", false},
		"gone":            {func(w http.ResponseWriter) { w.WriteHeader(410) }, "answered 410", false},
		"not authorised":  {func(w http.ResponseWriter) { w.WriteHeader(401) }, "answered 401", false},
		"too many":        {func(w http.ResponseWriter) { w.WriteHeader(429) }, "answered 429", true},
		"out of order":    {func(w http.ResponseWriter) { w.WriteHeader(503) }, "answered 503", true},
		"elsewhere":       {func(w http.ResponseWriter) { w.Header().Set("Location", "/x"); w.WriteHeader(307) }, "redirects", false},
		"it says it back": {func(w http.ResponseWriter) { w.WriteHeader(400); fmt.Fprint(w, webhookSecret+" canary-url-token") }, "answered 400", false},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHook(t, c.answer)
			retry, err := webhook(h.URL, webhookSecret).Notify(t.Context(), regressed())
			require.Equal(t, c.retry, retry)
			require.Equal(t, 1, h.calls)
			if c.problem == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.problem)
			require.NotContains(t, err.Error(), "canary")
			require.NotContains(t, err.Error(), "cGxhbnRlZC1zZWNyZXQ")
		})
	}
}

func TestWebhookSecretsThatAreNone(t *testing.T) {
	for secret, problem := range map[string]string{
		"canary not base64!": "is not base64",
		"Y2FuYXJ5":           "has 6 bytes; it must have 24 to 64",
		"":                   "has 0 bytes",
		base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("canary"), 11)): "has 66 bytes",
	} {
		h := newHook(t, nil)
		retry, err := webhook(h.URL, secret).Notify(t.Context(), regressed())
		require.ErrorContains(t, err, problem)
		require.NotContains(t, err.Error(), "canary")
		require.NotContains(t, err.Error(), "Y2FuYXJ5")
		require.True(t, retry)
		require.Zero(t, h.calls, "nothing is sent unsigned")
	}
	w := NewWebhook(WebhookOptions{Secrets: func() ([]string, error) { return nil, errors.New("no file") }})
	retry, err := w.Notify(t.Context(), regressed())
	require.EqualError(t, err, "no file")
	require.True(t, retry)
}

func TestHostileNoticeIsABoundedWebhook(t *testing.T) {
	h := newHook(t, nil)
	n := hostile(KindRegressed)
	for range 200 {
		n.Group = append(n.Group, regressed())
	}
	n.ID = "id\r\nX-Evil: 1"
	_, err := webhook(h.URL, webhookSecret).Notify(t.Context(), n)
	require.NoError(t, err)
	require.True(t, json.Valid(h.body))
	require.Less(t, len(h.body), 512<<10)
	require.Empty(t, h.header.Get("X-Evil"))
	require.NotContains(t, string(h.body), "<script", "not even in a page that shows it raw")
}
