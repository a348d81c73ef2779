package load

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
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

func service200(rate string) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", Annotations: map[string]string{annotationRate: rate}},
		Spec:       corev1.ServiceSpec{Selector: map[string]string{"app": "web"}},
	}
}

func start(t *testing.T, pods Directory) (*Generator, *counter) {
	t.Helper()
	requests := &counter{counts: map[string]int{}}
	server := httptest.NewServer(requests)
	ctx, cancel := context.WithCancel(context.Background())
	g := New(ctx, slog.New(slog.NewTextHandler(io.Discard, nil)), pods, strings.TrimPrefix(server.URL, "http://"))
	t.Cleanup(func() {
		cancel()
		g.Wait()
		server.Close()
	})
	return g, requests
}

// sent waits until the Service was sent n requests.
func sent(t *testing.T, g *Generator, n int64) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		if status := g.Services(); len(status) == 1 && status[0].Sent >= n {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("fewer than %d requests within 10 s: %+v", n, g.Services())
}

func TestLoadIsSpreadEvenlyAndFollowsThePods(t *testing.T) {
	pods := &directory{pods: []string{"a", "b", "c"}}
	g, requests := start(t, pods)
	began := time.Now()
	g.observe(service200("200"))
	sent(t, g, 150)
	if took := time.Since(began); took < 700*time.Millisecond {
		t.Errorf("150 requests at 200 a second took only %s", took)
	}
	counts := requests.take()
	least, most := 1<<30, 0
	for _, pod := range []string{"a", "b", "c"} {
		n := counts["/pods/shop/"+pod+"/"]
		least, most = min(least, n), max(most, n)
	}
	// Requests still under way make a difference of a few.
	if least < 40 || most-least > 5 {
		t.Errorf("uneven load: %v", counts)
	}
	pods.set("d")
	before := g.Services()[0].Sent
	sent(t, g, before+2)
	requests.take() // What was under way at the change.
	sent(t, g, before+40)
	if counts := requests.take(); counts["/pods/shop/d/"] < 30 || len(counts) != 1 {
		t.Errorf("the load did not move to the new pod alone: %v", counts)
	}
}

func TestRateChangesAtOnce(t *testing.T) {
	g, _ := start(t, &directory{pods: []string{"a"}})
	g.observe(service200("0.01")) // The next request would be due in 100 s.
	g.observe(service200("500"))
	sent(t, g, 50)
	g.observe(service200("0"))
	stopped := g.Services()[0].Sent
	time.Sleep(100 * time.Millisecond)
	if now := g.Services()[0].Sent; now > stopped+1 {
		t.Errorf("%d requests were sent after the rate was set to 0", now-stopped)
	}
	g.forget(service200("0"))
	if services := g.Services(); len(services) != 0 {
		t.Errorf("a deleted service is still there: %+v", services)
	}
}

func TestParseRate(t *testing.T) {
	for text, want := range map[string]float64{"": 0, "50": 50, "0.5": .5, "2000": 2000} {
		if got, err := parseRate(text); err != nil || got != want {
			t.Errorf("parseRate(%q) = %g, %v; want %g", text, got, err, want)
		}
	}
	for _, text := range []string{"-1", "many", "NaN", "2001"} {
		if _, err := parseRate(text); err == nil {
			t.Errorf("parseRate(%q) succeeded", text)
		}
	}
}
