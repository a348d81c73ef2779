package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// apiProxy stands between a daemon and the API server and can hold a call up, so that a test can kill the daemon at
// exactly that point.
type apiProxy struct {
	t *testing.T
	// kubeconfig leads to the proxy, which calls as the daemon's user.
	kubeconfig string

	mu   sync.Mutex
	hold *hold
}

// hold is one kind of call that does not get through.
type hold struct {
	matches func(*http.Request) bool
	// landed lets the call reach the API server and holds up its answer only.
	landed bool
	once   sync.Once
	// reached is closed when the first such call is held.
	reached chan struct{}
}

func newAPIProxy(t *testing.T, w *world) *apiProxy {
	t.Helper()
	target, err := url.Parse(w.stack.APIServer)
	require.NoError(t, err)
	ca, err := os.ReadFile(w.stack.CAFile)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(ca))
	token := accountToken(t, w, namespaceOf(t))
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			// client-go does not send a token to a server that it cannot verify.
			r.Out.Header.Set("Authorization", "Bearer "+token)
		},
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}},
		FlushInterval: -1, // the daemon's watches are answers without an end
		ErrorHandler:  func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	p := &apiProxy{t: t, kubeconfig: filepath.Join(t.TempDir(), "kubeconfig")}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.serve(forward, w, r) }))
	t.Cleanup(func() {
		server.CloseClientConnections() // the watches' connections are never idle
		server.Close()
	})
	text := fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: proxy,
clusters: [{name: proxy, cluster: {server: %q}}],
contexts: [{name: proxy, context: {cluster: proxy, user: ""}}]}
`, server.URL)
	require.NoError(t, os.WriteFile(p.kubeconfig, []byte(text), 0o600))
	return p
}

func (p *apiProxy) serve(forward http.Handler, w http.ResponseWriter, r *http.Request) {
	h := p.current()
	if h == nil || !h.matches(r) {
		forward.ServeHTTP(w, r)
		return
	}
	if h.landed {
		// The caller's death must not take the call back.
		forward.ServeHTTP(httptest.NewRecorder(), r.WithContext(context.WithoutCancel(r.Context())))
	}
	_, _ = io.Copy(io.Discard, r.Body) // a server notices the death of its caller only when it has read everything
	h.once.Do(func() { close(h.reached) })
	select {
	case <-r.Context().Done():
	case <-p.t.Context().Done():
	}
}

func (p *apiProxy) current() *hold {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hold
}

func (p *apiProxy) set(h *hold) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hold = h
}

// holdUp holds calls of one method on one object up from now on.
func (p *apiProxy) holdUp(method, object string, landed bool) *hold {
	h := &hold{landed: landed, reached: make(chan struct{}), matches: func(r *http.Request) bool {
		return r.Method == method && strings.HasSuffix(r.URL.Path, object)
	}}
	p.set(h)
	return h
}

// pass lets everything through again.
func (p *apiProxy) pass() { p.set(nil) }

// await waits until a call is held.
func (h *hold) await(t *testing.T, limit time.Duration) {
	t.Helper()
	select {
	case <-h.reached:
	case <-time.After(patience * limit):
		t.Fatalf("no such call came within %s", patience*limit)
	}
}
