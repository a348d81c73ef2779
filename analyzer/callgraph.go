package analyzer

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"
)

// Dependencies is a metric that tells who calls whom, such as a mesh's.
type Dependencies struct {
	// Requests and Errors are PromQL vector selectors of counters.
	Requests string `json:"requests"`
	Errors   string `json:"errors"`
	// Namespace is the label of both sides' namespace, empty if there is none; Caller and Callee are those of their names.
	Namespace string        `json:"namespace,omitempty"`
	Caller    string        `json:"caller"`
	Callee    string        `json:"callee"`
	Scrape    time.Duration `json:"scrape"`
}

// edgeChanges are what was counted between a caller and a callee, in this order.
type edgeChanges map[pair]Change

// edges measures who called whom; none if no metric tells.
func (s *Sampler) edges(ctx context.Context, dep *Dependencies, sus Suspicion) (edgeChanges, error) {
	if dep == nil {
		return nil, nil
	}
	return s.changes(ctx, dep.signal(), sus.Namespace, sus, byEdge)
}

// signal reads the edges as a signal is read, with the callee in the place of the version.
func (d Dependencies) signal() Signal {
	return Signal{
		Name: "dependencies", Kind: KindErrorRate, Requests: d.Requests, Errors: d.Errors, Scrape: d.Scrape,
		Labels: Labels{Namespace: d.Namespace, Workload: d.Caller, Version: d.Callee},
	}
}

func (c Change) plus(d Change) Change {
	return Change{Before: c.Before.Plus(d.Before), During: c.During.Plus(d.During)}
}

// callees are those that a workload calls, by name.
func (e edgeChanges) callees(workload string) []Callee {
	var out []Callee
	for _, on := range slices.SortedFunc(maps.Keys(e), func(a, b pair) int { return strings.Compare(a[1], b[1]) }) {
		if on[0] != workload || on[1] == workload {
			continue
		}
		c := Callee{Workload: on[1], Own: e[on]}
		for other, change := range e {
			if other[1] == on[1] && other[0] != workload {
				c.Others = c.Others.plus(change)
			}
		}
		out = append(out, c)
	}
	return out
}

// callers are those that call a workload, directly or through others.
func (e edgeChanges) callers(workload string) map[string]bool {
	out := map[string]bool{}
	for pending := []string{workload}; len(pending) > 0; {
		callee := pending[0]
		pending = pending[1:]
		for on := range e {
			if on[1] == callee && on[0] != workload && !out[on[0]] {
				out[on[0]] = true
				pending = append(pending, on[0])
			}
		}
	}
	return out
}
