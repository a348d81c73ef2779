package rollback

import (
	"cmp"
	"maps"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
)

// Switch is a blue-green deployment as its event claims it: the Service's selector had From under the key and now has
// To. CheckSwitch tells whether the publisher may name it.
type Switch struct {
	Service     string `json:"service"`
	SelectorKey string `json:"selectorKey"`
	From        string `json:"from"`
	To          string `json:"to"`
}

// SwitchState is what was read of a switch: its Service, and the two colours that the selector chooses between.
type SwitchState struct {
	Switch Switch
	// ServiceUID is empty, like all else, if there is no such Service or it is being deleted.
	ServiceUID      string
	ResourceVersion string
	// Selector is the Service's whole selector.
	Selector    map[string]string
	Annotations map[string]string
	// Traces tell who else writes the Service.
	Traces Traces
	// SwitchedAt is when the selector was last changed, or later: see switchedAt. Zero if nothing tells.
	SwitchedAt time.Time
	// NewReady and OldReady are the ready pods that the selector matches with To and with From.
	//
	// Pods are counted, not endpoints: no EndpointSlice has the pods of a colour that the Service does not select.
	NewReady, OldReady int32
	// Old are the other Deployments of the namespace whose pods the selector matches with From, by name: one, unless
	// labels were given carelessly.
	Old []Snapshot
}

// Live returns the value that the Service's selector has under the switch's key; empty if it has none.
func (s SwitchState) Live() string { return s.Selector[s.Switch.SelectorKey] }

// isBack reports whether the Service sends its traffic to the old colour.
func (s SwitchState) isBack() bool { return s.switchable() && s.Live() == s.Switch.From }

// service is what is read of a Service.
type service struct {
	Metadata metav1.ObjectMeta `json:"metadata"`
	Spec     struct {
		Selector map[string]string `json:"selector"`
	} `json:"spec"`
}

// newSwitchState reads a Service alone; setColours completes it. The zero service stands for none.
func newSwitchState(sw Switch, svc service) *SwitchState {
	if svc.Metadata.DeletionTimestamp != nil {
		return &SwitchState{Switch: sw}
	}
	return &SwitchState{
		Switch:          sw,
		ServiceUID:      string(svc.Metadata.UID),
		ResourceVersion: svc.Metadata.ResourceVersion,
		Selector:        svc.Spec.Selector,
		Annotations:     svc.Metadata.Annotations,
		Traces:          newTraces(svc.Metadata),
		SwitchedAt:      switchedAt(svc.Metadata.ManagedFields, sw.SelectorKey),
	}
}

// serviceName is how people are told of the switch's Service.
func (s Snapshot) serviceName() string {
	return serviceName(s.Workload.Namespace, s.Switch.Switch)
}

func serviceName(namespace string, sw Switch) string {
	return "Service " + namespace + "/" + sw.Service
}

// switchable reports whether the Service chooses by the switch's key at all.
func (s SwitchState) switchable() bool {
	_, ok := s.Selector[s.Switch.SelectorKey]
	return ok
}

// selecting returns the Service's selector as it is with another value of the key. A selector that lacks the key
// chooses between nothing, so it then matches nothing.
func (s SwitchState) selecting(value string) labels.Selector {
	if !s.switchable() {
		return labels.Nothing()
	}
	selector := maps.Clone(s.Selector)
	selector[s.Switch.SelectorKey] = value
	return labels.SelectorFromSet(selector)
}

// anyColour returns a selector for a list request that matches the pods of both colours. The values that the publisher
// claims are not in it, so that nothing they hold can widen or break the request.
func (s SwitchState) anyColour() (labels.Selector, error) {
	rest := maps.Clone(s.Selector)
	delete(rest, s.Switch.SelectorKey)
	hasKey, err := labels.NewRequirement(s.Switch.SelectorKey, selection.Exists, nil)
	if err != nil {
		return nil, err
	}
	return labels.SelectorFromSet(rest).Add(*hasKey), nil
}

// countReady counts the ready pods of both colours; other pods are passed over.
func (s *SwitchState) countReady(pods []apiObject) {
	isNew, isOld := s.selecting(s.Switch.To), s.selecting(s.Switch.From)
	for _, pod := range pods {
		if !readPod(pod).ready {
			continue
		}
		has := labels.Set(pod.GetLabels())
		if isNew.Matches(has) {
			s.NewReady++
		}
		if isOld.Matches(has) {
			s.OldReady++
		}
	}
}

// partsOf gives the ReplicaSets and pods of a Deployment, and possibly those of others.
type partsOf func(deployment) (replicaSets, pods []apiObject, err error)

// findOld finds the old colour among the namespace's Deployments. Only those that match are read whole.
func (s *Snapshot) findOld(deployments []apiObject, parts partsOf) error {
	isOld := s.Switch.selecting(s.Switch.Switch.From)
	for _, found := range deployments {
		if string(found.GetUID()) == s.UID || found.GetDeletionTimestamp() != nil || !isOld.Matches(podLabels(found)) {
			continue
		}
		var d deployment
		if err := readInto(found, &d); err != nil {
			return err
		}
		replicaSets, pods, err := parts(d)
		if err != nil {
			return err
		}
		old := newSnapshot(d, s.VersionLabels)
		if err := old.setRevisions(replicaSets, pods); err != nil {
			return err
		}
		s.Switch.Old = append(s.Switch.Old, old)
	}
	slices.SortFunc(s.Switch.Old, func(a, b Snapshot) int { return cmp.Compare(a.Workload.Name, b.Workload.Name) })
	return nil
}

// old returns the old colour's Deployment by its UID; nil if it is gone or no longer matches.
func (s SwitchState) old(uid string) *Snapshot {
	for i := range s.Old {
		if s.Old[i].UID == uid {
			return &s.Old[i]
		}
	}
	return nil
}

// podLabels returns the labels that a Deployment gives its pods. Labels that cannot be read match no selector.
func podLabels(deployment apiObject) labels.Set {
	switch d := deployment.(type) {
	case *packed:
		return d.podLabels
	case *unstructured.Unstructured:
		if found, _, err := unstructured.NestedStringMap(d.Object, "spec", "template", "metadata", "labels"); err == nil {
			return found
		}
	}
	return nil
}

// isReady reports whether a pod is one that a Service would send traffic to.
func isReady(pod *unstructured.Unstructured) bool {
	conditions, _, err := unstructured.NestedFieldNoCopy(pod.Object, "status", "conditions")
	list, isList := conditions.([]any)
	if err != nil || !isList || pod.GetDeletionTimestamp() != nil {
		return false
	}
	return slices.ContainsFunc(list, func(item any) bool {
		condition, _ := item.(map[string]any)
		return condition["type"] == readyCondition && condition["status"] == conditionHolding
	})
}

// readyCondition is the type of the condition by which the kubelet says that a pod is ready.
const readyCondition = "Ready"
