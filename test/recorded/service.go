package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

const (
	// namespace is where the service keeps its items, and is said to run; service is its name.
	namespace = "shop"
	service   = "catalogue"
	// items are how many there are; users ask for some more.
	items = 300
	// slots are how many requests a pod works on at once; a request waits so long for one, and is given up after patience.
	slots    = 6
	queueing = 100 * time.Millisecond
	patience = 250 * time.Millisecond
)

// pod is one instance of a small shop's catalogue: a real HTTP server that keeps its items in the API server's ConfigMaps. What
// goes wrong in it goes wrong by itself: requests find no slot, what they ask for is not answered in time, two of them change
// the same item.
type pod struct {
	name    string
	address string

	kube     kubernetes.Interface
	busy     chan struct{}
	requests *prometheus.CounterVec
	took     prometheus.Histogram
	server   *http.Server
}

// open serves a pod on a free port.
func open(name string, kube kubernetes.Interface) (*pod, error) {
	p := &pod{name: name, kube: kube, busy: make(chan struct{}, slots)}
	p.requests = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "http_requests_total", Help: "Requests by status."}, []string{"code"})
	p.took = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "http_request_duration_seconds", Help: "Time to answer.", Buckets: []float64{0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25},
	})
	registry := prometheus.NewRegistry()
	registry.MustRegister(p.requests, p.took)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /items/{n}", p.counted(p.read))
	mux.HandleFunc("PUT /items/{n}", p.counted(p.change))
	mux.HandleFunc("GET /search", p.counted(search))
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p.address, p.server = socket.Addr().String(), &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() { _ = p.server.Serve(socket) }() // which ends with the pod
	return p, nil
}

func (p *pod) close() { _ = p.server.Close() }

// counted answers with the status that work comes to, and counts it.
func (p *pod) counted(work func(context.Context, *http.Request) int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		code := p.inTurn(ctx, func() int { return work(ctx, r) })
		p.took.Observe(time.Since(began).Seconds())
		p.requests.WithLabelValues(strconv.Itoa(code)).Inc()
		w.WriteHeader(code)
	}
}

func (p *pod) inTurn(ctx context.Context, work func() int) int {
	select {
	case p.busy <- struct{}{}:
		defer func() { <-p.busy }()
		return work()
	case <-time.After(queueing):
		return http.StatusServiceUnavailable
	case <-ctx.Done():
		return http.StatusGatewayTimeout
	}
}

func (p *pod) read(ctx context.Context, r *http.Request) int {
	_, err := p.kube.CoreV1().ConfigMaps(namespace).Get(ctx, "item-"+r.PathValue("n"), metav1.GetOptions{})
	return status(ctx, err)
}

// change writes back what was read, which fails where another was quicker.
func (p *pod) change(ctx context.Context, r *http.Request) int {
	item, err := p.kube.CoreV1().ConfigMaps(namespace).Get(ctx, "item-"+r.PathValue("n"), metav1.GetOptions{})
	if err != nil {
		return status(ctx, err)
	}
	item.Data = map[string]string{"price": strconv.Itoa(rand.IntN(10000))}
	_, err = p.kube.CoreV1().ConfigMaps(namespace).Update(ctx, item, metav1.UpdateOptions{})
	return status(ctx, err)
}

func status(ctx context.Context, err error) int {
	var answer apierrors.APIStatus
	switch {
	case err == nil:
		return http.StatusOK
	case ctx.Err() != nil:
		return http.StatusGatewayTimeout
	case errors.As(err, &answer):
		return int(answer.Status().Code)
	}
	return http.StatusBadGateway
}

// search computes for a time of which a few are long.
func search(ctx context.Context, _ *http.Request) int {
	sum := sha256.Sum256(nil)
	for range int(2000 * math.Exp(1.2*rand.NormFloat64())) {
		sum = sha256.Sum256(sum[:])
		if ctx.Err() != nil {
			return http.StatusGatewayTimeout
		}
	}
	return http.StatusOK
}

// stock makes the items.
func stock(ctx context.Context, kube kubernetes.Interface) error {
	space := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
	if _, err := kube.CoreV1().Namespaces().Create(ctx, space, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("create the namespace: %w", err)
	}
	for n := range items {
		item := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("item-%d", n)}}
		if _, err := kube.CoreV1().ConfigMaps(namespace).Create(ctx, item, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("create an item: %w", err)
		}
	}
	return nil
}
