package app

import (
	"fmt"
	"net/http"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// front answers HTTP from the moment that the daemon listens. Until there is something behind it, the daemon lives
// and is not ready: it may be waiting for NATS, and whoever restarts it for not answering would only prolong that.
type front struct {
	address string
	behind  atomic.Pointer[http.Handler]
	metrics atomic.Pointer[http.Handler]
}

// become puts the daemon's own endpoints behind the front.
func (f *front) become(h http.Handler) { f.behind.Store(&h) }

// measure shows the metrics from the start on: that NATS is away is to be seen while the daemon waits for it.
func (f *front) measure(g prometheus.Gatherer) {
	h := promhttp.HandlerFor(g, promhttp.HandlerOpts{})
	f.metrics.Store(&h)
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := f.behind.Load(); h != nil {
		(*h).ServeHTTP(w, r)
		return
	}
	if r.URL.Path == "/-/healthy" {
		fmt.Fprintln(w, "rollbackd is healthy.")
		return
	}
	if h := f.metrics.Load(); h != nil && r.URL.Path == "/metrics" {
		(*h).ServeHTTP(w, r)
		return
	}
	http.Error(w, "rollbackd is starting: it is connecting to NATS, or reading what it knows from there", http.StatusServiceUnavailable)
}
