package watch

import (
	"time"

	"github.com/rollbackd/rollbackd/rollback"
)

// This file says where marks are looked for: whoever only deploys Deployments need not let rollbackd see the other kinds, and is not to
// find refusals of it in the API server's audit log.

// place is one kind of workload in one namespace, or in all of them if that is empty.
type place struct {
	kind      rollback.Kind
	namespace string
}

// searches are the places that are searched.
type searches struct {
	// search are the places to search, by when; searched are those that were, or are to be, in this run.
	search   map[place]time.Time
	searched map[place]bool
	// narrow are the kinds that may not be looked for in all namespaces at once.
	narrow map[rollback.Kind]bool
}

func newSearches() searches {
	return searches{search: map[place]time.Time{}, searched: map[place]bool{}, narrow: map[rollback.Kind]bool{}}
}

// want has a place searched, once in a run.
func (s searches) want(at place) {
	if !s.searched[at] {
		s.searched[at] = true
		s.search[at] = time.Time{}
	}
}

// wantRules has those places searched that the configuration is about, also once another one holds.
func (m *marker) wantRules() {
	rules := m.rules()
	namespaces := rules.namespacesOf(rules.Policies)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, namespace := range namespaces {
		m.want(place{rollback.KindDeployment, namespace})
		for _, kind := range rules.Kinds {
			m.want(place{kind, namespace})
		}
	}
}

// wantAround has the place of a workload searched that is watched, whatever the configuration is about. The caller holds mu.
func (m *marker) wantAround(w rollback.Workload) {
	if !m.searched[place{w.Kind, ""}] || m.narrow[w.Kind] {
		m.want(place{w.Kind, w.Namespace})
	}
}

// searchWhereWatchesAre is for a kind that may not be looked for in all namespaces.
func (m *marker) searchWhereWatchesAre(kind rollback.Kind) {
	m.mu.Lock()
	m.narrow[kind] = true
	m.mu.Unlock()
	for _, w := range m.Watches() {
		if w.workload().Kind == kind {
			m.look(w.workload())
		}
	}
}
