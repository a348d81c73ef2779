package analyzer

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
)

// recently is how long before a breach a workload must have been deployed for what it shows before the breach to be its usual.
const recently = 15 * time.Minute

// maxPeers bounds how many peers are kept.
const maxPeers = 30

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
