package chaos

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// proxy stands between a daemon and a server, and fails as it is told.
type proxy struct {
	url string

	mu sync.Mutex
	// fault answers in the server's place; nil lets the call through.
	fault func(w http.ResponseWriter, r *http.Request) (answered bool)
	// met counts the calls that a fault answered.
	met int
}

// fail makes calls fail from now on; nil mends it.
func (p *proxy) fail(fault func(http.ResponseWriter, *http.Request) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = fault
}

func (p *proxy) failures() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.met
}

func newProxy(t *testing.T, target string, transport http.RoundTripper, token string) *proxy {
	t.Helper()
	to, err := url.Parse(target)
	require.NoError(t, err)
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			if token != "" {
				r.Out.Header.Set("Authorization", "Bearer "+token) // client-go sends none to a server that it cannot verify
			}
		},
		Transport: transport, FlushInterval: -1,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	p := &proxy{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		fault := p.fault
		p.mu.Unlock()
		if fault == nil || !fault(w, r) {
			forward.ServeHTTP(w, r)
			return
		}
		p.mu.Lock()
		p.met++
		p.mu.Unlock()
	}))
	t.Cleanup(func() {
		server.CloseClientConnections() // the watches' connections are never idle
		server.Close()
	})
	p.url = server.URL
	return p
}

// newAPIProxy is one to the API server; the kubeconfig leads through it.
func newAPIProxy(t *testing.T, w *world) (p *proxy, kubeconfig string) {
	t.Helper()
	ca, err := os.ReadFile(w.stack.CAFile)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(ca))
	p = newProxy(t, w.stack.APIServer, &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}, w.stack.DaemonToken)
	kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: proxy,
clusters: [{name: proxy, cluster: {server: %q}}],
contexts: [{name: proxy, context: {cluster: proxy, user: ""}}]}
`, p.url)
	require.NoError(t, os.WriteFile(kubeconfig, []byte(text), 0o600))
	return p, kubeconfig
}

// hangUp closes the connection without an answer, as a server that is gone does.
func hangUp(w http.ResponseWriter, _ *http.Request) bool {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		conn.Close()
	}
	return true
}

// slow lets a call wait before it gets through.
func slow(d time.Duration) func(http.ResponseWriter, *http.Request) bool {
	return func(_ http.ResponseWriter, r *http.Request) bool {
		select {
		case <-time.After(d):
		case <-r.Context().Done():
		}
		return false
	}
}

// hang never answers.
func hang(_ http.ResponseWriter, r *http.Request) bool {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
	return true
}

// answering answers calls of a method, or all of them, with a status as an API server would.
func answering(method string, code int) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if method != "" && r.Method != method {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","code":%d,"message":"on purpose"}`, code)
		return true
	}
}

// saying answers every call with a body.
func saying(code int, body string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		fmt.Fprint(w, body)
		return true
	}
}

// wire is a TCP connection to a server that can be cut, as a network partition does: nothing arrives and nobody is told.
type wire struct {
	address string
	mu      sync.Mutex
	cut     bool
	healed  chan struct{}
}

func newWire(t *testing.T, target string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	w := &wire{address: l.Addr().String(), healed: make(chan struct{})}
	close(w.healed)
	go func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", target)
			if err != nil {
				from.Close()
				continue
			}
			go w.carry(from, to)
			go w.carry(to, from)
		}
	}()
	return w
}

// carry copies one direction and holds everything back while the wire is cut.
func (w *wire) carry(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		<-w.whole()
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func (w *wire) whole() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.healed
}

func (w *wire) part() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.cut {
		w.cut, w.healed = true, make(chan struct{})
	}
}

func (w *wire) heal() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut {
		w.cut = false
		close(w.healed)
	}
}
