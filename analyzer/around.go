package analyzer

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Around is what happened around a release while one of its signals was suspected. Breaches that are not the release's doing
// show elsewhere too.
type Around struct {
	// Peers are other workloads with the same signal, none of them newly deployed and none that is known to call this one.
	Peers []Peer `json:"peers,omitempty"`
	// Callees are the workloads that this one calls, where a metric tells.
	Callees []Callee `json:"callees,omitempty"`
	// References are what the same workload showed at the same time of earlier days.
	References []Reference `json:"references,omitempty"`
	// Error says why it could not be measured, empty if it could.
	Error string `json:"error,omitempty"`
}

// Change is what was counted before a deployment and during a breach.
type Change struct {
	Before Counts `json:"before"`
	During Counts `json:"during"`
}

func (c Change) plus(d Change) Change {
	return Change{Before: c.Before.Plus(d.Before), During: c.During.Plus(d.During)}
}

// Peer is another workload.
type Peer struct {
	Workload string `json:"workload"`
	Change
}

// Callee is a workload that the release calls: what it answered to the release, and to all others.
type Callee struct {
	Workload string `json:"workload"`
	Own      Change `json:"own"`
	Others   Change `json:"others"`
}

// Reference is a signal's value at the same time of an earlier day: before the time of day of the deployment, and during that
// of the breach. A value that is not known is zero.
type Reference struct {
	Ago    time.Duration `json:"ago"`
	Before float64       `json:"before"`
	During float64       `json:"during"`
}

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

// Suspicion is one signal of one subject that is to be looked into.
type Suspicion struct {
	Namespace, Workload string
	// Peers says whether other workloads are to be measured.
	Peers bool
	// Before is a span before the deployment, During that of the breach.
	Before, During Span
	// NewlyDeployed names workloads of the same namespace that say nothing of what is usual: they may be bad themselves.
	NewlyDeployed []string
}

// maxPeers bounds how many peers are kept; those with the most requests tell the most.
const maxPeers = 30

// leastPeers is the number of peers below which those of other namespaces are asked too.
const leastPeers = 3

// Around measures what happened around a suspected release. An error means that asking again may help.
func (s *Sampler) Around(ctx context.Context, sig Signal, dep *Dependencies, sus Suspicion) (Around, error) {
	var out Around
	edges, err := s.edges(ctx, dep, sus)
	if err != nil {
		return Around{}, fmt.Errorf("who calls whom: %w", err)
	}
	out.Callees = edges.callees(sus.Workload)
	if !sus.Peers {
		return out, nil
	}
	if out.References, err = s.references(ctx, sig, sus); err != nil {
		return Around{}, fmt.Errorf("the same time of earlier days: %w", err)
	}
	if sig.Kind == KindBusiness { // others sell other things
		return out, nil
	}
	callers := edges.callers(sus.Workload)
	for _, namespace := range slices.Compact([]string{sus.Namespace, ""}) {
		if out.Peers, err = s.peers(ctx, sig, namespace, sus, callers); err != nil {
			return Around{}, fmt.Errorf("other workloads: %w", err)
		}
		if len(out.Peers) >= leastPeers || sig.Labels.Namespace == "" {
			break
		}
	}
	return out, nil
}

// peers measures the other workloads of a namespace, or of all namespaces.
func (s *Sampler) peers(ctx context.Context, sig Signal, namespace string, sus Suspicion, callers map[string]bool) ([]Peer, error) {
	changes, err := s.changes(ctx, sig, namespace, sus, func(f found) pair { return pair{f.namespace, f.owner(sig.Labels)} })
	if err != nil {
		return nil, err
	}
	byName := map[string]Change{}
	for who, c := range changes {
		near := who[0] == sus.Namespace || sig.Labels.Namespace == ""
		name := who[1]
		if name == "" || near && (name == sus.Workload || slices.Contains(sus.NewlyDeployed, name) || callers[name]) {
			continue
		}
		if !near {
			name = who[0] + "/" + name
		}
		byName[name] = c
	}
	return busiest(byName), nil
}

// pair names a workload by its namespace and name, or an edge by its caller and callee.
type pair [2]string

// changes measures everything of a signal in a namespace, or in all of them, before and during a breach.
func (s *Sampler) changes(ctx context.Context, sig Signal, namespace string, sus Suspicion, group func(found) pair) (map[pair]Change, error) {
	before, err := s.totals(ctx, sig, namespace, sus.Before, group)
	if err != nil {
		return nil, err
	}
	during, err := s.totals(ctx, sig, namespace, sus.During, group)
	if err != nil {
		return nil, err
	}
	out := map[pair]Change{}
	for who, counts := range before {
		out[who] = Change{Before: counts, During: during[who]}
	}
	for who, counts := range during {
		out[who] = Change{Before: before[who], During: counts}
	}
	return out, nil
}

// totals counts everything of a signal in a span. When many releases of a namespace are suspected at the same time, they all
// ask the same, which is answered once.
func (s *Sampler) totals(ctx context.Context, sig Signal, namespace string, span Span, group func(found) pair) (map[pair]Counts, error) {
	key := fmt.Sprintf("%s %q %q %q %q %q %d %d", sig.Kind, sig.Requests, sig.Errors, sig.Histogram, sig.Labels, namespace, span.From.UnixMilli(), span.At.UnixMilli())
	return s.memory.get(key, func() (map[pair]Counts, error) {
		all, err := s.raw(ctx, sig, namespace, span)
		if err != nil {
			return nil, err
		}
		series := map[pair][]Series{}
		for _, f := range all {
			who := group(f)
			series[who] = append(series[who], f.series)
		}
		out := make(map[pair]Counts, len(series))
		for who, group := range series {
			// What cannot be counted of one of them says nothing of the others.
			out[who] = clamp(sig.measure(group, Window{Span: span, Scrape: sig.Scrape}).Total())
		}
		return out, nil
	})
}

// busiest returns the peers that served both before and during, those with the most requests first.
func busiest(changes map[string]Change) []Peer {
	var out []Peer
	for name, c := range changes {
		if c.Before.N > 0 && c.During.N > 0 {
			out = append(out, Peer{Workload: name, Change: c})
		}
	}
	slices.SortFunc(out, func(a, b Peer) int {
		return cmp.Or(cmp.Compare(b.During.N, a.During.N), cmp.Compare(a.Workload, b.Workload))
	})
	return out[:min(len(out), maxPeers)]
}

var ofDeployment = regexp.MustCompile("^(.+)" + deploymentSuffix + "$")

// owner is the workload that a series is of, by its label or by its pod; empty if neither tells.
func (f found) owner(l Labels) string {
	if l.Workload != "" {
		return f.workload
	}
	if m := ofDeployment.FindStringSubmatch(f.pod); m != nil {
		return m[1]
	}
	return ""
}

// raw reads the samples of all series of a signal in a namespace, or in all of them.
func (s *Sampler) raw(ctx context.Context, sig Signal, namespace string, span Span) ([]found, error) {
	scope := Labels{Namespace: sig.Labels.Namespace, Workload: sig.Labels.Workload}
	if namespace == "" {
		scope.Namespace = ""
	}
	everyone := sig
	everyone.Labels = scope
	plan, err := planQueries(everyone, []Subject{{Namespace: namespace, all: true}}, span.At.Sub(span.From)+Lookback(sig.Scrape))
	if err != nil {
		return nil, err
	}
	var out []found
	for _, q := range plan {
		matrix, warned, err := s.matrix(ctx, q.text, span.At)
		if err != nil {
			return nil, err
		}
		if len(warned) > 0 {
			return nil, fmt.Errorf("an incomplete answer, as Prometheus warned: %s", warned[0])
		}
		out = append(out, q.read(sig, matrix)...)
	}
	return out, nil
}

// edgeChanges are what was counted between a caller and a callee, in this order.
type edgeChanges map[pair]Change

// edges measures who called whom; none if no metric tells.
func (s *Sampler) edges(ctx context.Context, dep *Dependencies, sus Suspicion) (edgeChanges, error) {
	if dep == nil {
		return nil, nil
	}
	return s.changes(ctx, dep.signal(), sus.Namespace, sus, func(f found) pair { return pair{f.workload, f.version} })
}

// signal reads the edges as a signal is read, with the callee in the place of the version.
func (d Dependencies) signal() Signal {
	return Signal{
		Name: "dependencies", Kind: KindErrorRate, Requests: d.Requests, Errors: d.Errors, Scrape: d.Scrape,
		Labels: Labels{Namespace: d.Namespace, Workload: d.Caller, Version: d.Callee},
	}
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
