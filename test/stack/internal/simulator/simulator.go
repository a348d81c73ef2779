// Package simulator plays the applications of the cluster: for every running pod with the label
// "app" it answers HTTP requests and serves metrics, as the pod's annotations or image tag say.
package simulator

import (
	"cmp"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

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

	mu      sync.RWMutex
	pods    map[types.NamespacedName]*pod
	deleted []*pod
}

// New makes a simulator without pods.
func New(log *slog.Logger) *Simulator {
	return &Simulator{log: log, retarget: make(chan struct{}, 1), pods: map[types.NamespacedName]*pod{}}
}

// Observe follows the creation or a change of a pod.
func (s *Simulator) Observe(object *corev1.Pod) {
	if object.Labels["app"] == "" || object.DeletionTimestamp != nil {
		s.Forget(object)
		return
	}
	key := types.NamespacedName{Namespace: object.Namespace, Name: object.Name}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pods[key]
	if p != nil && p.uid != object.UID { // The deletion of a namesake was missed.
		s.remove(key, p)
		p = nil
	}
	changed := true
	if p == nil {
		p = newPod(object)
		s.pods[key] = p
	} else {
		changed = p.update(object)
	}
	if changed {
		s.changed()
	}
	if problem := p.live.Load().problem; problem != "" {
		s.log.Warn("a pod's behaviour cannot be read", "namespace", p.namespace, "pod", p.name, "problem", problem)
	}
}

// Forget follows the deletion of a pod, or the beginning of it.
func (s *Simulator) Forget(object *corev1.Pod) {
	key := types.NamespacedName{Namespace: object.Namespace, Name: object.Name}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.pods[key]; p != nil && p.uid == object.UID {
		s.remove(key, p)
		s.changed()
	}
}

func (s *Simulator) remove(key types.NamespacedName, p *pod) {
	delete(s.pods, key)
	p.delete()
	s.deleted = append(s.deleted, p)
	if len(s.deleted) > keepDeleted {
		s.deleted = slices.Clone(s.deleted[len(s.deleted)-keepDeleted:])
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
	for key, p := range s.pods {
		if state := p.live.Load(); key.Namespace == namespace && state.ready && selector.Matches(state.labels) {
			names = append(names, key.Name)
		}
	}
	slices.Sort(names)
	return names
}

func (s *Simulator) pod(namespace, name string) *pod {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.pods[types.NamespacedName{Namespace: namespace, Name: name}]
}

// PodStatus is what is known about a pod, deleted ones included.
type PodStatus struct {
	Namespace    string     `json:"namespace"`
	Name         string     `json:"name"`
	UID          types.UID  `json:"uid"`
	App          string     `json:"app"`
	Version      string     `json:"version"`
	Ready        bool       `json:"ready"`
	CreatedAt    time.Time  `json:"createdAt"`
	Requests     int64      `json:"requests"`
	Errors       int64      `json:"errors"`
	FirstErrorAt *time.Time `json:"firstErrorAt,omitempty"`
	LastErrorAt  *time.Time `json:"lastErrorAt,omitempty"`
	DeletedAt    *time.Time `json:"deletedAt,omitempty"`
	// Problem says which of the pod's settings cannot be read.
	Problem string `json:"problem,omitempty"`
}

// Pods returns the status of every pod, the oldest first.
func (s *Simulator) Pods() []PodStatus {
	s.mu.RLock()
	all := slices.Clone(s.deleted)
	for _, p := range s.pods {
		all = append(all, p)
	}
	s.mu.RUnlock()
	statuses := make([]PodStatus, 0, len(all))
	for _, p := range all {
		statuses = append(statuses, p.status())
	}
	slices.SortFunc(statuses, func(a, b PodStatus) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return statuses
}

func (p *pod) status() PodStatus {
	state := p.live.Load()
	p.mu.Lock()
	defer p.mu.Unlock()
	return PodStatus{
		Namespace: p.namespace, Name: p.name, UID: p.uid, App: p.app, Version: p.version,
		Ready:     state.ready && p.stats.deletedAt.IsZero(),
		CreatedAt: p.created,
		Requests:  p.stats.requests, Errors: p.stats.errors,
		FirstErrorAt: optional(p.stats.firstErrorAt), LastErrorAt: optional(p.stats.lastErrorAt),
		DeletedAt: optional(p.stats.deletedAt),
		Problem:   state.problem,
	}
}

func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
