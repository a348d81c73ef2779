package app

import (
	"io"
	"net/http"
	"path"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/rest"

	"github.com/rollbackd/rollbackd/internal/measure"
	"github.com/rollbackd/rollbackd/internal/promclient"
)

// callMetrics measure the calls on the servers that the daemon depends on. Labels come from what this daemon asks for, and so are few.
type callMetrics struct{ prometheus, kubernetes *prometheus.HistogramVec }

// failedCall is the code of a call that no server answered.
const failedCall = "error"

func newCallMetrics(r prometheus.Registerer) callMetrics {
	m := callMetrics{
		prometheus: prometheus.NewHistogramVec(measure.Seconds("rollbackd_prometheus_request_duration_seconds",
			"How long a request to Prometheus took until its answer was read, by endpoint and by HTTP status code; error if none came.",
			measure.Calls()...), []string{"endpoint", "code"}),
		kubernetes: prometheus.NewHistogramVec(measure.Seconds("rollbackd_kubernetes_request_duration_seconds",
			"How long a request to the API server took until it began to answer, by verb and by HTTP status code; error if no answer came.",
			measure.Calls()...), []string{"verb", "code"}),
	}
	r.MustRegister(m.prometheus, m.kubernetes)
	for _, code := range []string{"200", failedCall} {
		m.prometheus.WithLabelValues("query", code)
		m.kubernetes.WithLabelValues("get", code)
		m.kubernetes.WithLabelValues("patch", code)
	}
	return m
}

// kubernetes returns how the API server is reached, with its calls measured. What the gate refuses is no call.
func (p process) kubernetes() (*rest.Config, error) {
	rc, err := p.cfg.Kubernetes.Client()
	if err != nil {
		return nil, err
	}
	rc = rest.CopyConfig(rc)
	rc.Wrap(func(next http.RoundTripper) http.RoundTripper { return measuredCluster{next, p.calls.kubernetes} })
	return rc, nil
}

// prometheus returns the client of the Prometheus that is configured, with its calls measured.
func (p process) prometheus() (*promclient.Client, error) {
	client, err := p.cfg.Prometheus.Client()
	if err != nil {
		return nil, err
	}
	next := client.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	measured := *client
	measured.Transport = measuredQueries{next, p.calls.prometheus}
	return promclient.New(p.cfg.Prometheus.URL, &measured)
}

// measuredCluster measures calls on the API server.
type measuredCluster struct {
	next http.RoundTripper
	took *prometheus.HistogramVec
}

// RoundTrip implements http.RoundTripper.
func (m measuredCluster) RoundTrip(r *http.Request) (*http.Response, error) {
	began := time.Now()
	resp, err := m.next.RoundTrip(r)
	m.took.WithLabelValues(verb(r), codeOf(resp, err)).Observe(time.Since(began).Seconds())
	return resp, err
}

// verb is Kubernetes' word for what a request does. Reading one object and a list of them are both get.
func verb(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		if slices.Contains([]string{"true", "1"}, r.URL.Query().Get("watch")) {
			return "watch"
		}
		return "get"
	case http.MethodPost:
		return "create"
	case http.MethodPut:
		return "update"
	case http.MethodPatch:
		return "patch"
	case http.MethodDelete:
		return "delete"
	}
	return "other"
}

func codeOf(resp *http.Response, err error) string {
	if err != nil {
		return failedCall
	}
	return strconv.Itoa(resp.StatusCode)
}

// measuredQueries measures requests to Prometheus to the end of their answers, which may be long.
type measuredQueries struct {
	next http.RoundTripper
	took *prometheus.HistogramVec
}

// RoundTrip implements http.RoundTripper.
func (m measuredQueries) RoundTrip(r *http.Request) (*http.Response, error) {
	began := time.Now()
	resp, err := m.next.RoundTrip(r)
	took := m.took.WithLabelValues(endpoint(r.URL.Path), codeOf(resp, err))
	if err != nil {
		took.Observe(time.Since(began).Seconds())
		return resp, err
	}
	resp.Body = &measuredBody{ReadCloser: resp.Body, done: sync.OnceFunc(func() { took.Observe(time.Since(began).Seconds()) })}
	return resp, nil
}

// CloseIdleConnections does what http.Client's method of this name asks its transport for.
func (m measuredQueries) CloseIdleConnections() {
	if c, ok := m.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// endpoint is the end of an address of Prometheus' API.
func endpoint(address string) string {
	if name := path.Base(address); slices.Contains([]string{"query", "query_range", "series", "labels"}, name) {
		return name
	}
	return "other"
}

// measuredBody tells once when an answer has been read or was let go of.
type measuredBody struct {
	io.ReadCloser
	done func()
}

// Read implements io.Reader.
func (b *measuredBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.done()
	}
	return n, err
}

// Close implements io.Closer.
func (b *measuredBody) Close() error {
	defer b.done()
	return b.ReadCloser.Close()
}

// connectionMetrics show how the connection to NATS is.
func connectionMetrics(nc *nats.Conn) []prometheus.Collector {
	return []prometheus.Collector{
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "rollbackd", Name: "nats_connected", Help: "1 while this replica is connected to NATS, else 0.",
		}, func() float64 {
			if nc.IsConnected() {
				return 1
			}
			return 0
		}),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Namespace: "rollbackd", Name: "nats_reconnects_total", Help: "Times that the connection to NATS was lost and made again.",
		}, func() float64 { return float64(nc.Stats().Reconnects) }),
	}
}
