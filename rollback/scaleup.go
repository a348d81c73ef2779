package rollback

import "fmt"

// ScalePlan scales the old colour of a switch up, so that it can take the traffic back. The Deployment must still be this one
// and want as many replicas as it did when the plan is carried out.
type ScalePlan struct {
	Workload    Workload `json:"workload"`
	WorkloadUID string   `json:"workloadUID"`
	From        int32    `json:"from"`
	To          int32    `json:"to"`
	// Summary is the plan in one sentence for a person.
	Summary string `json:"summary"`
}

// Autoscaler is a HorizontalPodAutoscaler of the old colour.
type Autoscaler struct {
	Name     string
	Min, Max int32
}

// PlanScaleUp plans to scale the old colour up before a switch back, where it was scaled down below what takes the traffic:
// to as many replicas as it had when it was pinned, at least as many as must be ready, and within what an autoscaler
// allows. It refuses with what stands against the switch, if that is anything else, or against the scaling.
func PlanScaleUp(pin Pin, s Snapshot, failing bool) (ScalePlan, *Refusal) {
	if r := refuse(pin, s); r != nil {
		return ScalePlan{}, r
	}
	notReady := refuseSwitch(pin, s, failing)
	if notReady == nil || notReady.Code != RefuseTargetNotReady {
		return ScalePlan{}, notReady
	}
	old := s.Switch.old(pin.Switch.OldWorkloadUID)
	needed, _ := s.Switch.needed(pin, failing)
	wanted := max(pin.Target.Replicas, needed)
	if found := s.Inspected; found != nil && found.Autoscaler != nil {
		a := found.Autoscaler
		if a.Max < needed {
			return ScalePlan{}, refusal(RefuseAutoscaler, "%s, and it cannot be scaled up: HorizontalPodAutoscaler %s keeps %s at %d replicas at most",
				notReady.Reason, a.Name, old.Workload, a.Max)
		}
		wanted = min(max(wanted, a.Min), a.Max)
	}
	if old.Replicas >= wanted { // it was not scaled down, it is not well
		return ScalePlan{}, notReady
	}
	if old.Live == nil {
		return ScalePlan{}, notReady
	}
	if r := refuseInspected(s, *old.Live); r != nil {
		return ScalePlan{}, r
	}
	return ScalePlan{
		Workload: old.Workload, WorkloadUID: old.UID, From: old.Replicas, To: wanted,
		Summary: fmt.Sprintf("scale %s up from %d to %d replicas, so that it can take the traffic of %s back",
			old.Workload.workloadName(), old.Replicas, wanted, s.serviceName()),
	}, nil
}

// scaledDown returns the old colour's version if it was scaled down, so that a switch back would first have to start pods.
func (p Pin) scaledDown(s Snapshot) *Revision {
	if p.Target == nil || s.Switch == nil {
		return nil
	}
	old := s.Switch.old(p.Switch.OldWorkloadUID)
	needed, _ := s.Switch.needed(p, false)
	if old == nil || s.Switch.OldReady >= needed || old.Replicas >= max(p.Target.Replicas, needed) {
		return nil
	}
	return old.Live
}
