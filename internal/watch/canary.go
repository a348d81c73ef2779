package watch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/rollback"
)

// This file holds what is different about a canary that is a Deployment of its own: the watch's workload is the canary's
// Deployment, and the one that the event is about is the stable one, which is its control.

// CanaryPolicy says which canaries may be named, how long each step is watched, and what is done about a bad one.
type CanaryPolicy struct {
	// Undo gives a bad canary an earlier template back; otherwise it is scaled to zero.
	Undo bool `json:"undo,omitempty"`
	// Allow are shell patterns of canaries' names, in which {workload} stands for the stable one's. A canary whose pods share
	// a Service with the stable workload's needs none.
	Allow []string `json:"allow,omitempty"`
	// Steps say how long a canary of so many per cent is watched, by size. Without any, and of a canary whose event names no
	// step, the stages say so.
	Steps []CanaryStep `json:"steps,omitempty"`
}

// CanaryStep is how long a canary is watched that is no larger than so many per cent.
type CanaryStep struct {
	UpTo  int           `json:"upTo"`
	Watch time.Duration `json:"watch"`
}

// CanaryReader reads a canary live, with the stable workload beside it. Its errors are those of Cluster.Read.
type CanaryReader interface {
	ReadCanary(ctx context.Context, w rollback.Workload, c rollback.Canary) (rollback.Snapshot, error)
}

// CanaryCache shows a canary as the API server last told of it.
type CanaryCache interface {
	CachedCanary(w rollback.Workload, c rollback.Canary) (rollback.Snapshot, bool)
}

// read shows the workload of a watch live, with what its strategy needs.
func (o Options) read(ctx context.Context, w Watch) (rollback.Snapshot, error) {
	if c := w.canary(); c != nil {
		return o.Cluster.ReadCanary(ctx, w.workload(), *c)
	}
	return o.Cluster.Read(ctx, w.workload(), w.blueGreen())
}

// cached shows the workload of a watch from the cache, with what its strategy needs.
func (o Options) cached(w Watch) (rollback.Snapshot, bool) {
	if c := w.canary(); c != nil {
		return o.Cache.CachedCanary(w.workload(), *c)
	}
	return o.Cache.Cached(w.workload(), w.blueGreen())
}

// canary returns the canary that the event announced; nil for any other strategy.
func (w Watch) canary() *rollback.Canary {
	if w.Event.Strategy != event.StrategyCanary {
		return nil
	}
	allows := func(pattern string) bool {
		return glob(strings.ReplaceAll(pattern, "{workload}", w.Event.Workload), w.Event.Canary)
	}
	return &rollback.Canary{
		Stable: w.Event.Workload, Undo: w.Policy.Canary.Undo, Named: slices.ContainsFunc(w.Policy.Canary.Allow, allows),
	}
}

// shownAs is the target under which the cluster shows the release: a canary is not seen under the name of its event.
func (w Watch) shownAs() event.Target {
	t := w.Event.Target()
	t.Workload = w.workload().Name
	return t
}

// forbiddenClaim returns why the publisher may not name what it named, for good; nil if it may, or may yet.
func (w Watch) forbiddenClaim(snapshot rollback.Snapshot) *rollback.Refusal {
	if r := rollback.CheckCanary(snapshot, w.Event.Version); r != nil && r.Code == rollback.RefuseCanaryForbidden {
		return r
	}
	return w.forbiddenSwitch(snapshot)
}

// unauthorisedClaim tells the publisher of what it may not name.
func unauthorisedClaim(e event.Event, r *rollback.Refusal) *event.Rejection {
	if r.Code != rollback.RefuseCanaryForbidden {
		return unauthorisedSwitch(e, r)
	}
	return &event.Rejection{
		Code: event.CodeUnauthorised, Field: "canary", Value: event.Quote(e.Canary), Reason: r.Reason,
		Fix: "name the Deployment whose pods get traffic by the same Service as this workload's, or have the policy's canary.allow include it",
	}
}

// ForCanaries is the policy as far as a part of the service can be judged by it: what is measured against the clock goes
// with how large the part is.
func (p Policy) ForCanaries() Policy {
	p.Signals = slices.DeleteFunc(slices.Clone(p.Signals), func(s analyzer.Signal) bool { return s.ByTime() })
	return p
}

// admitCanary gives a canary the policy that it can be judged by.
func admitCanary(policy *Policy, e event.Event) (*Policy, *event.Rejection) {
	if policy == nil || e.Strategy != event.StrategyCanary {
		return policy, nil
	}
	p := policy.ForCanaries()
	if len(p.Signals) == 0 {
		return nil, &event.Rejection{
			Code: event.CodeUnsupported, Field: "strategy", Value: event.Quote(string(e.Strategy)),
			Reason: fmt.Sprintf("policy %q judges only by business metrics that are not counted per request, which say nothing about a part of the service", p.Name),
			Fix:    "give the policy a signal that is counted per request, such as an error rate",
		}
	}
	return &p, nil
}

// canaryGone reports whether a canary is on trial no longer: it was taken away, or what is on trial has become stable.
func (w Watch) canaryGone(snapshot rollback.Snapshot) (string, bool) {
	switch {
	case w.Pin.Canary == nil:
		return "", false
	case snapshot.Replicas == 0:
		return "somebody scaled the canary to zero", true
	case rollback.Promoted(*w.Pin, snapshot):
		return fmt.Sprintf("it was promoted: %s/%s runs %s too", w.Event.Namespace, w.Event.Workload, w.Event.Version), true
	}
	return "", false
}

// scaledToZero reports whether the rollback took the canary's pods away, and left its template as it is.
func (w Watch) scaledToZero() bool {
	return w.intent != nil && w.intent.Plan.Canary != nil && !w.intent.Plan.Canary.Undo
}
