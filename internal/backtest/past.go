package backtest

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/watch"
	"github.com/rollbackd/rollbackd/rollback"
)

// Cluster is what the past is asked of where no events were kept.
type Cluster struct {
	Environment string
	Policies    []watch.Policy
	// Since and Until are the span in which deployments are looked for.
	Since, Until time.Time
}

// Namespaces returns the namespaces whose workloads a policy can match; false if a policy can match any.
func (c Cluster) Namespaces() ([]string, bool) {
	var names []string
	for _, p := range c.Policies {
		if len(p.Match) == 0 {
			return nil, false
		}
		for _, m := range p.Match {
			if !(watch.Match{Environment: m.Environment}).Matches(event.Target{Environment: c.Environment}) {
				continue
			}
			if m.Namespace == "" || strings.ContainsAny(m.Namespace, `*?[\`) {
				return nil, false
			}
			names = append(names, m.Namespace)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), true
}

// Deployments tells the deployments of all workloads that a policy covers from what the cluster still holds of them: the making
// of each ReplicaSet was one, but for that of the oldest, which is the version that was there before. Putting an older version
// back makes no ReplicaSet, so that it cannot be told. They come in order of time.
func (c Cluster) Deployments(histories []rollback.History) []event.Event {
	var out []event.Event
	for _, h := range histories {
		target := event.Target{Environment: c.Environment, Namespace: h.Workload.Namespace, Workload: h.Workload.Name}
		if !slices.ContainsFunc(c.Policies, func(p watch.Policy) bool { return p.Covers(target) }) {
			continue
		}
		revisions := slices.Clone(h.Revisions)
		slices.Reverse(revisions) // of two of the same second the newer revision came later
		slices.SortStableFunc(revisions, func(a, b rollback.Revision) int { return a.CreatedAt.Compare(b.CreatedAt) })
		for i, r := range revisions {
			if i > 0 && !r.CreatedAt.Before(c.Since) && !r.CreatedAt.After(c.Until) {
				out = append(out, deployment(target, r, revisions[i-1]))
			}
		}
	}
	slices.SortStableFunc(out, func(a, b event.Event) int {
		return cmp.Or(a.Timestamp.Compare(b.Timestamp), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Workload, b.Workload))
	})
	return out
}

// deployment is the event that a deploy tool would have published.
func deployment(t event.Target, r, before rollback.Revision) event.Event {
	return event.Event{
		ID: r.ReplicaSet, Timestamp: r.CreatedAt.UTC(), Environment: t.Environment, Namespace: t.Namespace, Workload: t.Workload,
		Kind: event.KindDeployment, Strategy: event.StrategyRolling, Status: event.StatusSuccess,
		Version: nameOf(r), PreviousVersion: nameOf(before),
	}
}

// nameOf is a revision's version, or else the hash by which the cluster itself tells its pods.
func nameOf(r rollback.Revision) string { return cmp.Or(r.Version, r.Hash, r.ReplicaSet) }
