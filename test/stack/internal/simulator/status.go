package simulator

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

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

// Pods returns the status of every pod of a namespace, or of all of them if it is empty, the oldest first.
func (s *Simulator) Pods(namespace string) []PodStatus {
	s.mu.RLock()
	var all []*pod
	for _, p := range s.deleted {
		if namespace == "" || p.namespace == namespace {
			all = append(all, p)
		}
	}
	for of, pods := range s.pods {
		if namespace == "" || of == namespace {
			all = slices.AppendSeq(all, maps.Values(pods))
		}
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
