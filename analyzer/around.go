package analyzer

import (
	"context"
	"fmt"
	"regexp"
	"slices"
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

// Peer is another workload.
type Peer struct {
	Workload string `json:"workload"`
	// Elsewhere says that it is of another namespace, which Workload then names too.
	Elsewhere bool `json:"elsewhere,omitempty"`
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

// Suspicion is one signal of one subject that is to be looked into.
type Suspicion struct {
	Namespace, Workload string
	// Peers says whether other workloads are to be measured.
	Peers bool
	// Before is a span before the deployment, During that of the breach.
	Before, During Span
	// NewlyDeployed names workloads that say nothing of what is usual, as they may be bad themselves: "namespace/workload".
	NewlyDeployed []string
	// Deployed says when workloads were deployed last that were so since a short time before this one's deployment, by the same
	// names. What they show since need not have to do with what was before.
	Deployed map[string]time.Time
	// DaemonSet says that the workload is one: the names of its pods look like those of a Deployment with a shorter name.
	DaemonSet bool
}

// takenFor is the Deployment that a DaemonSet's pods would be taken for; empty if there is none.
func (s Suspicion) takenFor() string {
	if !s.DaemonSet {
		return ""
	}
	return found{pod: s.Workload + "-22222"}.owner(Labels{})
}

// leastPeers is the number of peers below which those of other namespaces are asked too.
const leastPeers = 3

// Around measures what happened around a suspected release, in no more time than one query may take: a decision waits for
// it. An error means that asking again may help.
func (s *Sampler) Around(ctx context.Context, sig Signal, dep *Dependencies, sus Suspicion) (Around, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
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

// grouping says what is counted together.
type grouping int

const (
	byWorkload grouping = iota
	byEdge
)

// pair names a workload by its namespace and name, or an edge by its caller and callee.
type pair [2]string

// of names what a series belongs to.
func (g grouping) of(f found, l Labels) pair {
	if g == byEdge {
		return pair{f.workload, f.version}
	}
	return pair{f.namespace, f.owner(l)}
}

// changes measures everything of a signal in a namespace, or in all of them, before and during a breach.
func (s *Sampler) changes(ctx context.Context, sig Signal, namespace string, sus Suspicion, by grouping) (map[pair]Change, error) {
	before, err := s.before(ctx, sig, namespace, sus.Before, by)
	if err != nil {
		return nil, err
	}
	during, err := s.during(ctx, sig, namespace, sus.During, by)
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

// before counts everything of a signal in a span that releases of about the same time share.
func (s *Sampler) before(ctx context.Context, sig Signal, namespace string, span Span, by grouping) (map[pair]Counts, error) {
	q := sig.ask(span)
	q.namespace, q.by = namespace, by
	return s.usual.get(ctx, q, func() (map[pair]Counts, error) {
		series, err := s.grouped(ctx, sig, namespace, span, by)
		return sig.totals(series, span), err
	})
}

// atOnce is the step in which the beginnings of breaches are rounded down for asking, so that all that are judged at one
// time ask for the same samples.
const atOnce = 2 * time.Minute

// during counts everything of a signal in the span of a breach, which begins at a time of its own but ends with the tick.
func (s *Sampler) during(ctx context.Context, sig Signal, namespace string, span Span, by grouping) (map[pair]Counts, error) {
	wide := Span{From: span.From.Truncate(atOnce), At: span.At}
	q := sig.ask(wide)
	q.namespace, q.by = namespace, by
	series, err := s.newest.get(ctx, q, func() (map[pair][]Series, error) { return s.grouped(ctx, sig, namespace, wide, by) })
	return sig.totals(series, span), err
}

// totals counts each group of series. What cannot be counted of one of them says nothing of the others.
func (sig Signal) totals(series map[pair][]Series, span Span) map[pair]Counts {
	out := make(map[pair]Counts, len(series))
	for who, group := range series {
		out[who] = clamp(sig.measure(group, Window{Span: span, Scrape: sig.Scrape}).Total())
	}
	return out
}

// grouped reads the samples of all series of a signal, by what they belong to.
func (s *Sampler) grouped(ctx context.Context, sig Signal, namespace string, span Span, by grouping) (map[pair][]Series, error) {
	all, err := s.raw(ctx, sig, namespace, span)
	if err != nil {
		return nil, err
	}
	out := map[pair][]Series{}
	for _, f := range all {
		who := by.of(f, sig.Labels)
		out[who] = append(out[who], f.series)
	}
	return out, nil
}

var ofDeployment = regexp.MustCompile("^(.+)" + deploymentSuffix + "$")

// owner is the workload that a series is of, by its label or by its pod; empty if neither tells.
func (f found) owner(l Labels) string {
	if l.Workload != "" || f.workload != "" {
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
	r := newReader(sig, func(f found) { out = append(out, f) })
	for _, q := range plan {
		warned, err := s.read(ctx, r, q, span.At)
		if err != nil {
			return nil, err
		}
		if len(warned) > 0 {
			return nil, fmt.Errorf("an incomplete answer, as Prometheus warned: %s", warned[0])
		}
	}
	return out, nil
}
