package rollback

import (
	"context"
	"fmt"
	"maps"
)

// lookAtService reads the Service that a plan is about to switch back. Of a Service only the resourceVersion fences the
// whole selector, but it changes with every edit: so the plan takes that of the Service as it is, once everything that
// matters has been found unchanged.
func (c *Cluster) lookAtService(ctx context.Context, p Plan, intentID string) (sight, error) {
	live, err := c.getService(ctx, p.Workload.Namespace, p.Switch.Switch)
	if err != nil {
		return sight{}, err
	}
	result, detail := compareService(p, *live, intentID)
	fresh := *p.Switch
	fresh.ResourceVersion = live.ResourceVersion
	p.Switch, p.HasAnnotations = &fresh, len(live.Annotations) > 0
	return sight{plan: p, result: result, detail: detail}, nil
}

// compareService tells whether the plan's outcome can be read off the Service; no result means that the plan still
// stands.
func compareService(p Plan, live SwitchState, intentID string) (Result, string) {
	sw, name := p.Switch, p.patched()
	switch {
	case live.ServiceUID != sw.ServiceUID:
		return Failed, gone(p)
	case sw.landed(live, intentID) && !live.isBack():
		return Landed, fmt.Sprintf("%s was given %s=%s by this intent, and was switched again since", name, sw.SelectorKey, sw.From)
	case sw.landed(live, intentID):
		return Landed, fmt.Sprintf("%s has %s=%s, put there by this intent", name, sw.SelectorKey, sw.From)
	case live.isBack():
		return Superseded, fmt.Sprintf("%s already has %s=%s, but somebody else put it there", name, sw.SelectorKey, sw.From)
	case live.Live() != sw.To:
		return Superseded, fmt.Sprintf("%s now has %s=%s; the plan was made for %s", name, sw.SelectorKey, live.Live(), sw.To)
	case !maps.Equal(live.Selector, sw.Selector):
		return Superseded, fmt.Sprintf("the selector of %s was changed after the plan was made", name)
	}
	return "", ""
}

// landed reports whether this intent has switched the Service, to whatever that was switched since.
func (s PlannedSwitch) landed(live SwitchState, intentID string) bool {
	return live.ServiceUID == s.ServiceUID && live.Annotations[IntentAnnotation] == intentID
}

// refreshed reports whether the plan fits another resourceVersion than the one before, or another number of a canary's
// pods, or another pause of rollbackd's own, so that the API server may accept what it has just refused. The other
// preconditions of a Deployment change with nothing that does not matter.
func (p Plan) refreshed(before Plan) bool {
	if p.scales() {
		return p.Canary.Replicas != before.Canary.Replicas
	}
	if p.Switch == nil {
		return p.Resumes.id() != before.Resumes.id()
	}
	return p.Switch.ResourceVersion != before.Switch.ResourceVersion
}
