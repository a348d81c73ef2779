package analyzer

import (
	"cmp"
	"context"
	"fmt"
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

// recently is how long before a breach a workload must have been deployed for what it shows before the breach to be its usual.
const recently = 15 * time.Minute

// maxPeers bounds how many peers are kept.
const maxPeers = 30

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

// peers measures the other workloads of a namespace, or of all namespaces.
func (s *Sampler) peers(ctx context.Context, sig Signal, namespace string, sus Suspicion, callers map[string]bool) ([]Peer, error) {
	changes, err := s.changes(ctx, sig, namespace, sus, byWorkload)
	if err != nil {
		return nil, err
	}
	settled, err := s.settled(ctx, sig, namespace, sus)
	if err != nil {
		return nil, err
	}
	var out []Peer
	for who, c := range sig.Labels.named(changes, sus.Namespace) {
		near := who[0] == sus.Namespace || sig.Labels.Namespace == ""
		p := Peer{Workload: who[1], Elsewhere: !near, Change: c}
		full := who[0] + "/" + p.Workload
		if near {
			full = sus.Namespace + "/" + p.Workload
		}
		if at, since := sus.deployed(sig.Labels, full); since {
			if at.After(sus.During.From.Add(-recently)) {
				continue
			}
			p.Before = settled[who].Before
		}
		switch {
		case p.Workload == "" || p.Before.N == 0 || p.During.N == 0:
			continue
		case near && (p.Workload == sus.Workload || p.Workload == sus.takenFor() || callers[p.Workload]):
			continue
		case !near:
			p.Workload = full
		}
		if !slices.ContainsFunc(sus.NewlyDeployed, func(name string) bool { return sig.Labels.alike(name, full) }) {
			out = append(out, p)
		}
	}
	return foremost(out), nil
}

// alike reports whether two workloads by their full names may be one: where series have no namespace, those of any are.
func (l Labels) alike(a, b string) bool {
	if l.Namespace != "" {
		return a == b
	}
	_, a, _ = strings.Cut(a, "/")
	_, b, _ = strings.Cut(b, "/")
	return a == b
}

// deployed is when a workload was last deployed, if that was since shortly before the release.
func (s Suspicion) deployed(l Labels, workload string) (last time.Time, since bool) {
	for name, at := range s.Deployed {
		if l.alike(name, workload) && !at.Before(last) {
			last, since = at, true
		}
	}
	return last, since
}

// settled counts what workloads showed just before the breach, where some were deployed since the release was: what their own
// deployment made of them has begun by then, and explains nothing that begins later.
func (s *Sampler) settled(ctx context.Context, sig Signal, namespace string, sus Suspicion) (map[pair]Change, error) {
	if len(sus.Deployed) == 0 {
		return nil, nil
	}
	at := sus.During.From
	counts, err := s.before(ctx, sig, namespace, Span{From: at.Add(sus.Before.From.Sub(sus.Before.At)), At: at}, byWorkload)
	out := make(map[pair]Change, len(counts))
	for who, before := range counts {
		out[who] = Change{Before: before}
	}
	return sig.Labels.named(out, sus.Namespace), err
}

// named puts together what the labels of one workload tell apart, such as the ports of its Service.
func (l Labels) named(changes map[pair]Change, namespace string) map[pair]Change {
	if l.WorkloadValue == "" {
		return changes
	}
	out := make(map[pair]Change, len(changes))
	for who, c := range changes {
		name := pair{who[0], found{workload: who[1]}.ownerIn(l, cmp.Or(who[0], namespace))}
		out[name] = out[name].plus(c)
	}
	return out
}

// foremost returns those peers that tell the most: of the same namespace before others, the ones with the most requests first.
func foremost(peers []Peer) []Peer {
	slices.SortFunc(peers, func(a, b Peer) int {
		switch {
		case a.Elsewhere != b.Elsewhere && a.Elsewhere:
			return 1
		case a.Elsewhere != b.Elsewhere:
			return -1
		}
		return cmp.Or(cmp.Compare(b.During.N, a.During.N), cmp.Compare(a.Workload, b.Workload))
	})
	return slices.Clip(peers[:min(len(peers), maxPeers)])
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
