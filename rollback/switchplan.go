package rollback

import (
	"fmt"
	"maps"
)

// PlannedSwitch is the part of a Plan that is about a switch. The Service must still be this one and have this selector
// when the plan is applied.
type PlannedSwitch struct {
	Switch
	ServiceUID string `json:"serviceUID"`
	// ResourceVersion fences every change of the Service, so Apply replaces it by that of the Service it reads.
	ResourceVersion string            `json:"resourceVersion"`
	Selector        map[string]string `json:"selector"`
	OldWorkload     Workload          `json:"oldWorkload"`
	// ToPodPrefix is what the names of the old colour's pods begin with now; a restart since the pin has changed it.
	ToPodPrefix string `json:"toPodPrefix"`
}

// planSwitch plans to switch a Service back. Nothing in it asks whether the new colour is well: a dead version is left
// the more readily.
func planSwitch(pin Pin, s Snapshot, failing bool) (Plan, *Refusal) {
	if r := refuseSwitch(pin, s, failing); r != nil {
		return Plan{}, r
	}
	to := *pin.Target
	if live := s.Switch.old(pin.Switch.OldWorkloadUID).Live; live != nil {
		to = *live
	}
	p := newPlan(pin, s, to)
	p.HasAnnotations = len(s.Switch.Annotations) > 0
	p.Switch = &PlannedSwitch{
		Switch:          pin.Switch.Switch,
		ServiceUID:      s.Switch.ServiceUID,
		ResourceVersion: s.Switch.ResourceVersion,
		Selector:        maps.Clone(s.Switch.Selector),
		OldWorkload:     pin.Switch.OldWorkload,
		ToPodPrefix:     to.PodPrefix,
	}
	from := Revision{Number: s.Revision, Version: pin.Release.Version}
	p.Summary = fmt.Sprintf("switch %s back from %s of %s to %s of %s by setting %s=%s in its selector", s.serviceName(),
		from.name(), s.Workload, to.name(), p.Switch.OldWorkload, p.Switch.SelectorKey, p.Switch.From)
	return p, nil
}

// refuseSwitch returns the first reason not to switch back, the most telling one first.
func refuseSwitch(pin Pin, s Snapshot, failing bool) *Refusal {
	if s.Switch == nil || s.Switch.Switch != pin.Switch.Switch {
		return refusal(RefuseServiceGone, "%s was not read", serviceName(s.Workload.Namespace, pin.Switch.Switch))
	}
	if s.Switch.ServiceUID != pin.Switch.ServiceUID {
		return refusal(RefuseServiceGone, "%s was deleted, or deleted and made again, after this deployment was pinned", s.serviceName())
	}
	if r := refuseSelector(s); r != nil {
		return r
	}
	if !ContainersEqual(s.Template, pin.Release.Template) {
		return refusal(RefuseSuperseded, "%s now runs %s, whose containers are not those of %s, which was judged",
			s.Workload, s.liveName(), pin.Release.name())
	}
	if r := refuseOld(pin, s); r != nil {
		return r
	}
	return refuseReady(pin, s, failing)
}

// refuseSelector looks at what the Service selects: it must be the release that was judged.
func refuseSelector(s Snapshot) *Refusal {
	sw := s.Switch.Switch
	switch {
	case s.Switch.isBack():
		return refusal(RefuseTargetIsLive, "%s already has %s=%s", s.serviceName(), sw.SelectorKey, sw.From)
	case s.Switch.Live() != sw.To:
		return refusal(RefuseSuperseded, "%s; %s=%s was judged", s.selects(), sw.SelectorKey, sw.To)
	case !s.selectedWith(sw.To):
		return refusal(RefuseSuperseded, "%s no longer selects the pods of %s", s.serviceName(), s.Workload)
	}
	return nil
}

// refuseOld looks at what a switch back would bring: it must be what was pinned.
func refuseOld(pin Pin, s Snapshot) *Refusal {
	old := s.Switch.old(pin.Switch.OldWorkloadUID)
	if old == nil {
		return refusal(RefuseTargetMissing, "%s is gone, or %s no longer selects its pods with %s=%s",
			pin.Switch.OldWorkload, s.serviceName(), pin.Switch.SelectorKey, pin.Switch.From)
	}
	if !ContainersEqual(old.Template, pin.Target.Template) {
		return refusal(RefuseTargetMissing, "%s now runs %s, whose containers are not those of %s, which was pinned",
			old.Workload, old.liveName(), pin.Target.name())
	}
	return nil
}

// refuseReady asks whether the old colour can take the traffic. For a new one that has no ready pods, or that fails most
// of what it is asked, any ready pod is an improvement.
func refuseReady(pin Pin, s Snapshot, failing bool) *Refusal {
	ready := s.Switch.OldReady
	wanted, why := s.Switch.needed(pin, failing)
	if ready >= wanted {
		return nil
	}
	return refusal(RefuseTargetNotReady, "%d pods of %s (%s) are ready to take the traffic of %s back; %s",
		ready, pin.Switch.From, pin.Switch.OldWorkload, s.serviceName(), why)
}

// needed is how many pods of the old colour must be ready to take the traffic back, and why.
func (s SwitchState) needed(pin Pin, failing bool) (int32, string) {
	if failing || s.NewReady == 0 {
		return 1, "at least one must be"
	}
	wanted := (4*s.NewReady + 4) / 5 // 80 %, rounded up
	return wanted, fmt.Sprintf("%d must be, 80 %% of the %d of %s", wanted, s.NewReady, pin.Switch.To)
}
