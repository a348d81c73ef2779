package notifier

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// shoutCanary stands in the URLs where tokens and passwords do.
const shoutCanary = "canary-token-55d1"

// shoutServer is what a service of the library talks to.
type shoutServer struct {
	*httptest.Server
	mu     sync.Mutex
	bodies []string
}

func newShoutServer(t *testing.T, status int) *shoutServer {
	t.Helper()
	s := &shoutServer{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.bodies = append(s.bodies, string(body))
		s.mu.Unlock()
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"error":"`+shoutCanary+` is wrong"}`)
	}))
	t.Cleanup(s.Close)
	return s
}

// at is the server as a URL of the library.
func (s *shoutServer) at(scheme string) string {
	host := strings.TrimPrefix(s.URL, "http://")
	switch scheme {
	case "generic":
		return "generic://" + host + "/" + shoutCanary + "?disabletls=yes"
	case "ntfy":
		return "ntfy://user:" + shoutCanary + "@" + host + "/topic?scheme=http"
	}
	return scheme + "://" + host
}

func shout(t *testing.T, url string) *Shoutrrr {
	t.Helper()
	return NewShoutrrr(ShoutrrrOptions{Name: "shout", URL: func() (string, error) { return url, nil }})
}

func TestShoutrrrSends(t *testing.T) {
	for _, scheme := range []string{"generic", "ntfy"} {
		t.Run(scheme, func(t *testing.T) {
			s := newShoutServer(t, 200)
			n := later(KindAwaiting, func(n *Notice) { n.Next = "Approve it." })
			retry, err := shout(t, s.at(scheme)).Notify(t.Context(), n)
			require.NoError(t, err)
			require.False(t, retry)
			require.Len(t, s.bodies, 1)
			for _, said := range []string{"shop/checkout v1.2.3 is bad", "errors: 12 % (limit 1.1 %, before 0.4 %)", "Next: Approve it.", n.Link} {
				require.Contains(t, s.bodies[0], said)
			}
		})
	}
}

func TestShoutrrrTellsNoSecret(t *testing.T) {
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	defer untrusted.Close()
	for name, c := range map[string]struct {
		url     string
		problem string
		retry   bool
	}{
		"refused":              {newShoutServer(t, 403).at("ntfy"), "ntfy: the receiver answered 403", false},
		"refused by a webhook": {newShoutServer(t, 404).at("generic"), "generic: the receiver answered 404", false},
		"too much":             {newShoutServer(t, 429).at("ntfy"), "ntfy: the receiver answered 429", true},
		"out of order":         {newShoutServer(t, 500).at("generic"), "generic: the receiver answered 500", true},
		"nobody there":         {"generic://" + nobody + "/" + shoutCanary + "?disabletls=yes", "generic: it cannot be connected to", true},
		"not trusted":          {"generic+https://" + strings.TrimPrefix(untrusted.URL, "https://") + "/" + shoutCanary, "generic: its certificate is not trusted", true},
		"no such host":         {"generic://" + shoutCanary + ".invalid/x", "generic: ", true},
		"an unknown scheme":    {shoutCanary + "://" + shoutCanary, "(unknown) is none that shoutrrr knows", false},
		"not a URL":            {"ntfy://" + shoutCanary + "\x00%zz", "the URL of the service (ntfy)", false},
		"a token of no form":   {"slack://" + shoutCanary, "the URL of the service (slack)", false},
		"nothing":              {"", "(unknown)", false},
	} {
		t.Run(name, func(t *testing.T) {
			retry, err := shout(t, c.url).Notify(t.Context(), regressed())
			require.ErrorContains(t, err, c.problem)
			require.Equal(t, c.retry, retry)
			require.NotContains(t, err.Error(), "canary")
			require.NotContains(t, err.Error(), "127.0.0.1")
		})
	}
	t.Run("no file", func(t *testing.T) {
		sink := NewShoutrrr(ShoutrrrOptions{URL: func() (string, error) { return "", errors.New("no file") }})
		retry, err := sink.Notify(t.Context(), regressed())
		require.EqualError(t, err, "no file")
		require.True(t, retry)
	})
}

// Some services answer 200 to everything, and say in words what is wrong.
func TestShoutrrrRefusedInWords(t *testing.T) {
	h := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"ok":false,"error":"`+shoutCanary+` is wrong"}`)
	}))
	defer h.Close()
	// Whatever host the service asks, this server answers.
	client := h.Client()
	client.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, h.Listener.Addr().String())
	}
	client.Transport.(*http.Transport).TLSClientConfig.ServerName = "example.com"
	sink := NewShoutrrr(ShoutrrrOptions{HTTPClient: client, URL: func() (string, error) {
		return "slack://xoxb:123456789012-1234567890123-4mt0t4l1y3x4mp1et0k3n0hn@C001CH4NN3L", nil
	}})
	retry, err := sink.Notify(t.Context(), regressed())
	require.ErrorContains(t, err, "slack: the receiver answered 200, and refused the message in words that are not shown")
	require.False(t, retry)
	require.NotContains(t, err.Error(), "t0t4l")
	require.NotContains(t, err.Error(), "canary")
}

// One notice may follow another at once: that a message was sent is not told before the next one may be.
func TestShoutrrrSendsOneAfterTheOther(t *testing.T) {
	fine := &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
	})}
	sink := NewShoutrrr(ShoutrrrOptions{HTTPClient: fine, URL: func() (string, error) { return "generic://receiver.example/x", nil }})
	for range 1000 {
		_, err := sink.Notify(t.Context(), regressed())
		require.NoError(t, err)
	}
}

// A service that hangs holds one goroutine of the sink, however many notices there are, and goes on when it no longer hangs.
func TestShoutrrrHangs(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	stop := make(chan struct{})
	goOn := sync.OnceFunc(func() { close(stop) })
	h := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { cancel(); <-stop }))
	defer h.Close()
	defer goOn()
	// Without the client that the deadline is built into, as services are that do not speak HTTP.
	deaf := &http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
		return http.DefaultTransport.RoundTrip(req.WithContext(context.Background()))
	})}
	sink := NewShoutrrr(ShoutrrrOptions{Name: "shout", HTTPClient: deaf, URL: func() (string, error) {
		return "generic://" + strings.TrimPrefix(h.URL, "http://") + "/x?disabletls=yes", nil
	}})
	retry, err := sink.Notify(ctx, regressed())
	require.ErrorIs(t, err, context.Canceled)
	require.True(t, retry)

	before := runtime.NumGoroutine()
	for range 50 {
		retry, err = sink.Notify(t.Context(), regressed())
		require.ErrorContains(t, err, "still on its way")
		require.True(t, retry)
	}
	require.Less(t, runtime.NumGoroutine(), before+10, "those of the connection may still come up")

	goOn()
	require.Eventually(t, func() bool { _, err := sink.Notify(t.Context(), regressed()); return err == nil }, time.Minute, 10*time.Millisecond)
}

func TestShoutrrrEndsWithTheContext(t *testing.T) {
	stop := make(chan struct{})
	h := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-stop }))
	defer h.Close()
	defer close(stop)
	sink := shout(t, "generic://"+strings.TrimPrefix(h.URL, "http://")+"/x?disabletls=yes")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := sink.Notify(ctx, regressed())
	require.Error(t, err)
	require.Eventually(t, func() bool { return len(sink.busy) == 0 }, time.Minute, 10*time.Millisecond, "a service that speaks HTTP does not hang on")
}

func TestShoutrrrMessageMentionsNobody(t *testing.T) {
	s := newShoutServer(t, 200)
	n := hostile(KindRegressed)
	n.Message = ""
	n.Title = "<!channel> @everyone [click](https://evil.example) \x1b[31m" + strings.Repeat("x", 1<<20)
	_, err := shout(t, s.at("generic")).Notify(t.Context(), n)
	require.NoError(t, err)
	require.Less(t, len(s.bodies[0]), 4*MaxMessage)
	for _, harm := range []string{"<", ">", "@", "](", "\x1b", "\u202e"} {
		require.NotContains(t, s.bodies[0], harm)
	}
	require.Contains(t, harmlessMessage(Notice{Title: "<b>", Link: "https://r.example/@x"}), "‹b›\nhttps://r.example/@x")
}
