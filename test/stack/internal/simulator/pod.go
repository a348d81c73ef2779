package simulator

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
)

// pod is one simulated application process.
type pod struct {
	uid       types.UID
	namespace string
	name      string
	app       string
	version   string
	created   time.Time
	// gone is cancelled when the pod is deleted, which breaks off the requests it is serving.
	gone   context.Context
	remove context.CancelFunc
	// live is what may change while the pod runs.
	live    atomic.Pointer[live]
	metrics *metrics

	mu    sync.Mutex
	stats stats
}

// live is the part of a pod that follows the API object.
type live struct {
	labels    labels.Set
	running   bool
	ready     bool
	behaviour Behaviour
	problem   string
}

type stats struct {
	requests, errors                     int64
	firstErrorAt, lastErrorAt, deletedAt time.Time
}

func newPod(object *corev1.Pod) *pod {
	p := &pod{
		uid:       object.UID,
		namespace: object.Namespace,
		name:      object.Name,
		app:       object.Labels["app"],
		version:   version(object),
		created:   object.CreationTimestamp.Time,
	}
	p.gone, p.remove = context.WithCancel(context.Background())
	p.metrics = newMetrics(prometheus.Labels{"namespace": p.namespace, "pod": p.name, "app": p.app, "version": p.version})
	p.update(object)
	return p
}

// update follows a change of the API object and tells whether it changes who gets traffic.
func (p *pod) update(object *corev1.Pod) (changed bool) {
	next := &live{labels: object.Labels, running: object.Status.Phase == corev1.PodRunning}
	for _, condition := range object.Status.Conditions {
		if condition.Type == corev1.PodReady {
			next.ready = next.running && condition.Status == corev1.ConditionTrue
		}
	}
	behaviour, err := ParseBehaviour(image(object), object.Annotations)
	next.behaviour = behaviour
	if err != nil {
		next.problem = err.Error()
	}
	last := p.live.Swap(next)
	return last == nil || last.ready != next.ready || last.running != next.running || !labels.Equals(last.labels, next.labels)
}

// version names the release a pod belongs to, as its metrics carry it.
func version(object *corev1.Pod) string {
	for _, label := range []string{"version", "app.kubernetes.io/version"} {
		if value := object.Labels[label]; value != "" {
			return value
		}
	}
	return imageTag(image(object))
}

func image(object *corev1.Pod) string {
	if len(object.Spec.Containers) == 0 {
		return ""
	}
	return object.Spec.Containers[0].Image
}

// serve answers one request as the pod's behaviour says.
func (p *pod) serve(w http.ResponseWriter, r *http.Request) {
	state := p.live.Load()
	if !state.running {
		http.Error(w, "the pod is not running", http.StatusServiceUnavailable)
		return
	}
	began := time.Now()
	behaviour := state.behaviour.at(began.Sub(p.created))
	if !sleep(r.Context(), p.gone, behaviour.latency()) {
		http.Error(w, "the pod was deleted", http.StatusBadGateway)
		return
	}
	code := http.StatusOK
	if behaviour.fails() {
		code = http.StatusInternalServerError
	}
	p.count(code, time.Since(began))
	w.Header().Set("X-Pod", p.name)
	w.Header().Set("X-Version", p.version)
	w.WriteHeader(code)
}

// sleep waits and tells whether the time passed without the client or the pod going away.
func sleep(request, pod context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return pod.Err() == nil
	case <-request.Done():
		return false
	case <-pod.Done():
		return false
	}
}

func (p *pod) count(code int, duration time.Duration) {
	p.metrics.requests.WithLabelValues(strconv.Itoa(code)).Inc()
	p.metrics.duration.WithLabelValues().Observe(duration.Seconds())
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stats.requests++
	if code < http.StatusInternalServerError {
		return
	}
	p.stats.errors++
	p.stats.lastErrorAt = now
	if p.stats.firstErrorAt.IsZero() {
		p.stats.firstErrorAt = now
	}
}

func (p *pod) serveMetrics(w http.ResponseWriter, r *http.Request) {
	if p.live.Load().behaviour.MetricsOff {
		http.NotFound(w, r)
		return
	}
	p.metrics.handler.ServeHTTP(w, r)
}

func (p *pod) delete() {
	p.mu.Lock()
	p.stats.deletedAt = time.Now()
	p.mu.Unlock()
	p.remove()
}

// metrics are what one pod exposes. A series appears with its first request, as in real programs.
type metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	handler  http.Handler
}

func newMetrics(constant prometheus.Labels) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "http_requests_total", Help: "Requests answered, by status code.", ConstLabels: constant,
		}, []string{"code"}),
		// A vector without labels of its own, because a plain histogram shows zeros before the first request.
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "http_request_duration_seconds", Help: "Time to answer a request.", ConstLabels: constant,
			Buckets: []float64{.005, .01, .025, .05, .1, .2, .25, .3, .4, .5, .6, .75, 1, 1.5, 2.5, 5, 10},
		}, nil),
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(m.requests, m.duration)
	m.handler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	return m
}
