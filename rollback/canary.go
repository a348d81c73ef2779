package rollback

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/labels"
)

// Canary is a canary as its event claims it, with what the policy says of it. The workload that is read carries the
// canary's pods; the stable one carries those of the version before, which serve beside them. CheckCanary tells whether
// the publisher may name it.
type Canary struct {
	// Stable is the name of the stable Deployment, in the canary's namespace.
	Stable string `json:"stable"`
	// Named says that the policy allows the canary by its name; otherwise a Service must select the pods of both.
	Named bool `json:"named,omitempty"`
	// Undo says that a bad canary is given an earlier template of its own; otherwise it is scaled to zero.
	Undo bool `json:"undo,omitempty"`
}

// CanaryState is what was read of a canary beside its Deployment.
type CanaryState struct {
	Canary Canary
	// Stable is the stable Deployment; nil if there is none.
	Stable *Snapshot
	// Services are the names of the Services that select the pods of both. They are not asked for a canary that is
	// allowed by its name.
	Services []string
	// Scalers are the objects that decide how many pods the canary has, as in "HorizontalPodAutoscaler shop/canary", and
	// ScalersUnknown says why that could not be read. Both are of a live read of a canary that would be scaled.
	Scalers        []string
	ScalersUnknown string
}

// CheckCanary tells whether the publisher may name the canary; nil if it may, or if there is none.
//
// RefuseCanaryForbidden is for good: the pods of the announced version share no Service with the stable workload's, and
// the policy does not allow the canary by its name. RefuseUnsettled may pass. Before an event is rejected for good the
// snapshot should be a live one.
func CheckCanary(s Snapshot, version string) *Refusal {
	state := s.Canary
	switch {
	case state == nil:
		return nil
	case state.Stable == nil:
		return refusal(RefuseUnsettled, "there is no Deployment %s, beside which %s would be the canary", s.stable(), s.Workload)
	case state.Canary.Named || len(state.Services) > 0:
		return nil
	}
	code := RefuseUnsettled
	if s.Runs(version) { // the labels of the version before are not final
		code = RefuseCanaryForbidden
	}
	return refusal(code, "no Service selects the pods of both %s and %s, and the policy does not allow this canary by its name", s.Workload, s.stable())
}

// uncanaried returns why the announced canary is not what is live; empty if it is.
func (s Snapshot) uncanaried(version string) string {
	if objection := CheckCanary(s, version); objection != nil {
		return objection.Reason
	}
	return ""
}

// stable names the stable workload of a canary.
func (s Snapshot) stable() Workload {
	return Workload{Namespace: s.Workload.Namespace, Name: s.Canary.Canary.Stable}
}

// Promoted reports whether the stable workload of a canary runs the version that the canary was pinned with: what is on
// trial has become what it is compared with.
func Promoted(pin Pin, s Snapshot) bool {
	if s.Canary == nil || s.Canary.Stable == nil {
		return false
	}
	stable := s.Canary.Stable
	return ContainersEqual(stable.Template, pin.Release.Template) || stable.Runs(pin.Release.Version)
}

// readyPods counts the pods of a workload that a Service would send traffic to.
func (s Snapshot) readyPods() int32 {
	var n int32
	for _, p := range s.Pods {
		if p.Ready {
			n++
		}
	}
	return n
}

// sharedServices returns the names of the Services that select the pods of both templates. One without a selector selects
// nothing, though as a selector of labels it would match everything.
func sharedServices(services []apiObject, canary, stable Snapshot) ([]string, error) {
	mine, theirs := labels.Set(parseTemplate(canary.Template).Metadata.Labels), labels.Set(parseTemplate(stable.Template).Metadata.Labels)
	var names []string
	for _, object := range services {
		var svc service
		if err := readInto(object, &svc); err != nil {
			return nil, err
		}
		selector := labels.SelectorFromSet(svc.Spec.Selector)
		if len(svc.Spec.Selector) > 0 && svc.Metadata.DeletionTimestamp == nil && selector.Matches(mine) && selector.Matches(theirs) {
			names = append(names, svc.Metadata.Name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// PinnedCanary is the part of a Pin that is about a canary.
type PinnedCanary struct {
	Canary
	StableUID string `json:"stableUID"`
	// Earlier is the version of the canary's own Deployment that an undo returns to, on the grounds in Why; nil if there is
	// none, and NoEarlier then says why.
	Earlier   *Revision `json:"earlier,omitempty"`
	NoEarlier string    `json:"noEarlier,omitempty"`
	Why       string    `json:"why,omitempty"`
}

// pinCanary completes the pin of a canary. What a rollback returns the users to is what the stable workload runs, whatever
// is done with the canary: that is the target. By the rules for rolling updates the pin has an earlier version of the
// canary already, which becomes that of an undo.
func pinCanary(p Pin, state CanaryState) Pin {
	p.Canary = &PinnedCanary{Canary: state.Canary, Earlier: p.Target, NoEarlier: p.NoTarget, Why: p.Why}
	p.Target, p.NoTarget, p.Why = nil, "", ""
	stable := state.Stable
	switch {
	case stable == nil:
		p.NoTarget = "there is no Deployment " + state.Canary.Stable
		return p
	case stable.Live == nil:
		p.NoTarget = fmt.Sprintf("%s has no ReplicaSet for its template", stable.Workload)
	case !stable.Live.PodsNamed():
		p.NoTarget = fmt.Sprintf("the pods of %s cannot be told from others' by their names", stable.Workload)
	case Promoted(p, Snapshot{Canary: &state}):
		p.NoTarget = fmt.Sprintf("%s runs %s too", stable.Workload, p.Release.name())
	default:
		live := *stable.Live
		p.Target = &live
		p.Why = fmt.Sprintf("%s serves beside the canary on %s", live.name(), stable.Workload)
	}
	p.Canary.StableUID = stable.UID
	return p
}

// scalers describes what is known to decide the canary's replica count.
func (s CanaryState) scalers() string { return strings.Join(s.Scalers, ", ") }

// undoneTo returns the pinned canary with the revision that a person named as what it is to run.
func (p PinnedCanary) undoneTo(r Revision) *PinnedCanary {
	p.Undo, p.Earlier, p.NoEarlier = true, &r, ""
	p.Why = fmt.Sprintf("%s was named by a person", r.name())
	return &p
}
