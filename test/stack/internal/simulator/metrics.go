package simulator

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are what one run of a pod's container exposes. A series appears with its first request, as in real programs.
type metrics struct {
	caller   string
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	calls    *prometheus.CounterVec
	// all serves everything, outbound only what tells of calls to others.
	all, outbound http.Handler
}

func newMetrics(app string, constant prometheus.Labels, native bool) *metrics {
	m := &metrics{
		caller: app,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "http_requests_total", Help: "Requests answered, by status code.", ConstLabels: constant,
		}, []string{"code"}),
		// A vector without labels of its own, because a plain histogram shows zeros before the first request.
		duration: prometheus.NewHistogramVec(histogram(constant, native), nil),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "app_calls_total", Help: "Calls to other services, by status code.", ConstLabels: constant,
		}, []string{"caller", "callee", "code"}),
	}
	m.all = handlerFor(m.requests, m.duration, m.calls)
	m.outbound = handlerFor(m.calls)
	return m
}

func histogram(constant prometheus.Labels, native bool) prometheus.HistogramOpts {
	options := prometheus.HistogramOpts{
		Name: "http_request_duration_seconds", Help: "Time to answer a request.", ConstLabels: constant,
		Buckets: []float64{.005, .01, .025, .05, .1, .2, .25, .3, .4, .5, .6, .75, 1, 1.5, 2.5, 5, 10},
	}
	if native {
		options.NativeHistogramBucketFactor = 1.1
		options.NativeHistogramMaxBucketNumber = 160
	}
	return options
}

func handlerFor(collectors ...prometheus.Collector) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors...)
	// On loopback, compression costs more than it saves.
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{DisableCompression: true})
}

func (m *metrics) served(code int, duration time.Duration) {
	m.requests.WithLabelValues(strconv.Itoa(code)).Inc()
	m.duration.WithLabelValues().Observe(duration.Seconds())
}

func (m *metrics) called(callee, code string) { m.calls.WithLabelValues(m.caller, callee, code).Inc() }

func (m *metrics) serve(w http.ResponseWriter, r *http.Request, b Behaviour) {
	switch {
	case b.MetricsOff:
		http.NotFound(w, r)
	case b.NoInbound:
		m.outbound.ServeHTTP(w, r)
	default:
		m.all.ServeHTTP(w, r)
	}
}
