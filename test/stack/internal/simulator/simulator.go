// Package simulator plays the applications of the cluster: for every running pod with the label
// "app" it answers HTTP requests and serves metrics, as the pod's annotations or image tag say.
package simulator

import (
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
)

// keepDeleted bounds the deleted pods that are remembered for their error times.
const keepDeleted = 2000

// Simulator holds the pods.
type Simulator struct {
	log *slog.Logger
	// generation grows with every change of who gets traffic.
	generation atomic.Int64
	// retarget is signalled when the set of scrape targets may have changed.
	retarget chan struct{}

	shared *shared

	mu sync.RWMutex
	// pods are all pods by namespace and name, siblings those of one owner by its UID.
	pods     map[string]map[string]*pod
	siblings map[types.UID]map[string]*pod
	deleted  []*pod
}

// New makes a simulator without pods.
func New(log *slog.Logger) *Simulator {
	return &Simulator{
		log: log, retarget: make(chan struct{}, 1), shared: &shared{},
		pods: map[string]map[string]*pod{}, siblings: map[types.UID]map[string]*pod{},
	}
}

// Observe follows the creation or a change of a pod.
func (s *Simulator) Observe(object *corev1.Pod) {
	if object.Labels["app"] == "" || object.DeletionTimestamp != nil {
		s.Forget(object)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pods[object.Namespace][object.Name]
	if p != nil && p.uid != object.UID { // The deletion of a namesake was missed.
		s.remove(p)
		p = nil
	}
	changed := true
	if p == nil {
		p = newPod(object, s.shared)
		s.add(p)
	} else {
		changed = p.update(object)
	}
	if changed {
		s.choose(p.owner)
		s.changed()
	}
	if problem := p.live.Load().problem; problem != "" {
		s.log.Warn("a pod's behaviour cannot be read", "namespace", p.namespace, "pod", p.name, "problem", problem)
	}
}

// Forget follows the deletion of a pod, or the beginning of it.
func (s *Simulator) Forget(object *corev1.Pod) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.pods[object.Namespace][object.Name]; p != nil && p.uid == object.UID {
		s.remove(p)
		s.changed()
	}
}

func (s *Simulator) add(p *pod) {
	put(s.pods, p.namespace, p)
	put(s.siblings, p.owner, p)
}

func (s *Simulator) remove(p *pod) {
	take(s.pods, p.namespace, p)
	take(s.siblings, p.owner, p)
	s.choose(p.owner)
	p.delete()
	s.deleted = append(s.deleted, p)
	if len(s.deleted) > keepDeleted {
		s.deleted = slices.Clone(s.deleted[len(s.deleted)-keepDeleted:])
	}
}

func put[K comparable](pods map[K]map[string]*pod, key K, p *pod) {
	if pods[key] == nil {
		pods[key] = map[string]*pod{}
	}
	pods[key][p.name] = p
}

func take[K comparable](pods map[K]map[string]*pod, key K, p *pod) {
	delete(pods[key], p.name)
	if len(pods[key]) == 0 {
		delete(pods, key)
	}
}

// choose finds out which of an owner's pods is the first ready one.
func (s *Simulator) choose(owner types.UID) {
	var first *pod
	for _, p := range s.siblings[owner] {
		if p.live.Load().ready && (first == nil || p.name < first.name) {
			first = p
		}
	}
	for _, p := range s.siblings[owner] {
		p.chosen.Store(p == first)
	}
}

func (s *Simulator) changed() {
	s.generation.Add(1)
	select {
	case s.retarget <- struct{}{}:
	default: // A rewrite is due already.
	}
}

// Generation changes whenever Ready might answer differently.
func (s *Simulator) Generation() int64 { return s.generation.Load() }

// Ready returns the names of the ready pods of a namespace that a selector matches, in order.
func (s *Simulator) Ready(namespace string, selector labels.Selector) []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var names []string
	for name, p := range s.pods[namespace] {
		if state := p.live.Load(); state.ready && selector.Matches(state.labels) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (s *Simulator) pod(namespace, name string) *pod {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.pods[namespace][name]
}
