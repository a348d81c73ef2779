package rollback

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/labels"
)

// CheckSwitch tells what the publisher of a switch may not name; nil if there is no objection, or no switch.
//
// RefuseSwitchForbidden is for good: a selector without the key, one that with To does not select the pods of the
// announced version, or one that with From selects those of no other workload. RefuseUnsettled may pass: a Service that
// is not there yet, or labels that may still come with the announced version. Before an event is rejected for good the
// snapshot should be a live one, because a cache may not have seen the newest Service yet.
func CheckSwitch(s Snapshot, version string) *Refusal {
	state := s.Switch
	if state == nil {
		return nil
	}
	sw, name := state.Switch, s.serviceName()
	switch {
	case sw.From == sw.To:
		return refusal(RefuseSwitchForbidden, "the event switches %s from %s to %s, which is no switch", name, sw.From, sw.To)
	case state.ServiceUID == "":
		return refusal(RefuseUnsettled, "there is no %s", name)
	case !state.switchable():
		return refusal(RefuseSwitchForbidden, "the selector of %s has no key %s; its keys are: %s", name, sw.SelectorKey,
			strings.Join(slices.Sorted(maps.Keys(state.Selector)), ", "))
	case !s.selectedWith(sw.To):
		return refusal(s.unselected(version), "%s does not select the pods of %s with %s=%s", name, s.Workload, sw.SelectorKey, sw.To)
	case len(state.Old) == 0:
		return refusal(RefuseSwitchForbidden, "%s selects the pods of no other workload with %s=%s", name, sw.SelectorKey, sw.From)
	}
	return nil
}

// unselected tells what it means that the pods of the live template are not selected: the announced version's own
// labels are final, those of the version before it are not.
func (s Snapshot) unselected(version string) RefusalCode {
	if s.Runs(version) {
		return RefuseSwitchForbidden
	}
	return RefuseUnsettled
}

// selectedWith reports whether the Service would select this workload's pods with that value of the key.
func (s Snapshot) selectedWith(value string) bool {
	return s.Switch.selecting(value).Matches(labels.Set(parseTemplate(s.Template).Metadata.Labels))
}

// selects says in words what the Service selects now.
func (s Snapshot) selects() string {
	if !s.Switch.switchable() {
		return fmt.Sprintf("%s has no %s in its selector", s.serviceName(), s.Switch.Switch.SelectorKey)
	}
	return fmt.Sprintf("%s has %s=%s", s.serviceName(), s.Switch.Switch.SelectorKey, s.Switch.Live())
}

// unswitched returns why the announced switch is not what is live; empty if it is.
func (s Snapshot) unswitched(version string) string {
	if s.Switch == nil {
		return ""
	}
	if objection := CheckSwitch(s, version); objection != nil {
		return objection.Reason
	}
	if sw := s.Switch.Switch; s.Switch.Live() != sw.To {
		return fmt.Sprintf("the event says that %s was switched to %s=%s, but %s", s.serviceName(), sw.SelectorKey, sw.To, s.selects())
	}
	return ""
}

// servedFrom is T0 of a revision. Of a switch that is the change of the selector, but a version serves nobody before it
// has a pod: when the change is older than the first pod (the new version came into a colour that was live already),
// or nothing tells when it was, the first pod counts. That may be long before any traffic came, and then the watch ends
// the sooner; but the baseline, which ends at T0, has surely nothing of the new version in it.
func (s Snapshot) servedFrom(r Revision) time.Time {
	if s.Switch == nil {
		return r.FirstPodAt
	}
	return latest(s.Switch.SwitchedAt, r.FirstPodAt)
}
