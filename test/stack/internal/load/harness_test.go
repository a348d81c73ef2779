package load

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// directory is a fixed set of ready pods that a test can change.
type directory struct {
	mu         sync.Mutex
	generation int64
	pods       []string
}

func (d *directory) Ready(string, labels.Selector) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.pods
}

func (d *directory) Generation() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.generation
}

func (d *directory) set(pods ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.generation++
	d.pods = pods
}

// counter counts requests by path.
type counter struct {
	mu     sync.Mutex
	counts map[string]int
}

func (c *counter) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[r.URL.Path]++
}

func (c *counter) take() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := c.counts
	c.counts = map[string]int{}
	return taken
}

// memory is a network in memory. Real sockets would do, but time stands still in a synctest bubble only while whoever
// waits for the network waits for something of the bubble.
type memory struct {
	connections chan net.Conn
	closed      chan struct{}
	once        sync.Once
}

func (m *memory) Accept() (net.Conn, error) {
	select {
	case connection := <-m.connections:
		return connection, nil
	case <-m.closed:
		return nil, net.ErrClosed
	}
}

func (m *memory) Close() error {
	m.once.Do(func() { close(m.closed) })
	return nil
}

func (m *memory) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "memory"} }

func (m *memory) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case m.connections <- server:
		return client, nil
	case <-m.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// start makes a generator whose requests are counted by a real HTTP server. It must be called in a synctest bubble: the
// pace of the load is then exact, however busy the machine is.
func start(t *testing.T, pods Directory) (*Generator, *counter) {
	t.Helper()
	requests := &counter{counts: map[string]int{}}
	network := &memory{connections: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: requests, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(network) }()
	ctx, cancel := context.WithCancel(context.Background())
	g := New(ctx, slog.New(slog.NewTextHandler(io.Discard, nil)), pods, "simulator")
	g.client.Transport.(*http.Transport).DialContext = network.dial
	t.Cleanup(func() {
		cancel()
		g.Wait()
		_ = server.Close()
	})
	return g, requests
}

func serviceWith(rate string) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", Annotations: map[string]string{annotationRate: rate}},
		Spec:       corev1.ServiceSpec{Selector: map[string]string{"app": "web"}},
	}
}
