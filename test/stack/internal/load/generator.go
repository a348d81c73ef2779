// Package load sends requests to the simulated pods behind each Service that asks for them.
package load

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
)

// annotationRate is the annotation of a Service with the requests a second it shall get.
const annotationRate = "sim.rollbackd.dev/rps"

// Directory knows which pods are ready.
type Directory interface {
	// Ready returns the names of the ready pods of a namespace that a selector matches.
	Ready(namespace string, selector labels.Selector) []string
	// Generation changes whenever Ready might answer differently.
	Generation() int64
}

// Generator runs one stream of requests for each Service.
type Generator struct {
	pods    Directory
	address string
	client  *http.Client
	log     *slog.Logger
	ctx     context.Context
	running sync.WaitGroup

	mu       sync.RWMutex
	services map[types.NamespacedName]*service
}

// New makes a generator that sends to the simulator at address (host:port) until ctx ends.
func New(ctx context.Context, log *slog.Logger, pods Directory, address string) *Generator {
	return &Generator{
		pods:    pods,
		address: address,
		log:     log,
		ctx:     ctx,
		client: &http.Client{
			Timeout: 30 * time.Second,
			// All pods share one address; with fewer idle connections most requests would open a new one.
			Transport: &http.Transport{MaxIdleConns: 2048, MaxIdleConnsPerHost: 2048, DisableCompression: true},
		},
		services: map[types.NamespacedName]*service{},
	}
}

// Follow keeps the generator in step with the Services of the cluster once the informer runs.
func (g *Generator) Follow(services cache.SharedInformer) error {
	_, err := services.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { g.observe(object.(*corev1.Service)) },
		UpdateFunc: func(_, object any) { g.observe(object.(*corev1.Service)) },
		DeleteFunc: func(object any) {
			if unknown, missed := object.(cache.DeletedFinalStateUnknown); missed {
				object = unknown.Obj
			}
			g.forget(object.(*corev1.Service))
		},
	})
	if err != nil {
		return fmt.Errorf("watch the services: %w", err)
	}
	return nil
}

func (g *Generator) observe(object *corev1.Service) {
	rate, err := parseRate(object.Annotations[annotationRate])
	if err != nil {
		g.log.Warn("a service's load cannot be read", "namespace", object.Namespace, "service", object.Name, "problem", err)
	}
	key := types.NamespacedName{Namespace: object.Namespace, Name: object.Name}
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.services[key]
	if s == nil {
		s = newService(g, key)
		g.services[key] = s
		g.running.Go(s.run)
	}
	s.configure(rate, object.Spec.Selector)
}

func (g *Generator) forget(object *corev1.Service) {
	key := types.NamespacedName{Namespace: object.Namespace, Name: object.Name}
	g.mu.Lock()
	defer g.mu.Unlock()
	if s := g.services[key]; s != nil {
		s.stop()
		delete(g.services, key)
	}
}

// Wait returns when all requests have ended; the generator's context must have ended before.
func (g *Generator) Wait() {
	g.running.Wait()
	g.client.CloseIdleConnections()
}

// Pick chooses the pod that the next request to a Service goes to. It serves requests that people
// or smoke tests send to the Service by way of the simulator.
func (g *Generator) Pick(namespace, name string) (pod string, found bool) {
	g.mu.RLock()
	s := g.services[types.NamespacedName{Namespace: namespace, Name: name}]
	g.mu.RUnlock()
	if s == nil {
		return "", false
	}
	return s.next()
}

// Services returns the status of every Service, in order.
func (g *Generator) Services() []ServiceStatus {
	g.mu.RLock()
	defer g.mu.RUnlock()
	statuses := make([]ServiceStatus, 0, len(g.services))
	for _, s := range g.services {
		statuses = append(statuses, s.status())
	}
	slices.SortFunc(statuses, func(a, b ServiceStatus) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return statuses
}

// send sends one request and tells whether it was answered at all.
func (g *Generator) send(ctx context.Context, namespace, pod string) bool {
	url := "http://" + g.address + "/pods/" + namespace + "/" + pod + "/"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	response, err := g.client.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	// The connection is used again only if the body was read to its end.
	_, err = io.Copy(io.Discard, response.Body)
	return err == nil
}

// maxRate keeps a typing error from freezing the machine.
const maxRate = 2000

func parseRate(text string) (float64, error) {
	if text == "" {
		return 0, nil
	}
	rate, err := strconv.ParseFloat(text, 64)
	if err != nil || !(rate >= 0 && rate <= maxRate) {
		return 0, fmt.Errorf("annotation %s: %q is not a number from 0 to %d", annotationRate, text, maxRate)
	}
	return rate, nil
}
