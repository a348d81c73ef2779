package rollback

import "fmt"

// MakePlan plans a rollback from what is live now to the pinned target, or refuses. A restart or a change of labels
// or annotations since the pin does not matter: the plan is made from the template that is live.
//
// Failing says that the new version fails more than half of what it is asked: to leave it by a switch, or to scale it to
// zero as a canary, one ready pod of the old one is then enough.
func MakePlan(pin Pin, s Snapshot, failing bool) (Plan, *Refusal) {
	if r := refuse(pin, s); r != nil {
		return Plan{}, r
	}
	if pin.Switch != nil {
		return planSwitch(pin, s, failing)
	}
	if pin.Canary != nil {
		return planCanary(pin, s, failing)
	}
	return planUndo(pin, s)
}

// planUndo plans to give the workload the target's template.
func planUndo(pin Pin, s Snapshot) (Plan, *Refusal) {
	if r := refuseUndo(pin, s); r != nil {
		return Plan{}, r
	}
	p := newPlan(pin, s, *pin.Target)
	p.HasAnnotations = len(s.Annotations) > 0
	p.Resumes = s.OwnPause
	from := Revision{Number: s.Revision, Version: pin.Release.Version}
	p.Summary = fmt.Sprintf("put %s back from %s to %s by giving it the pod template of %s %s",
		s.Workload, from.name(), pin.Target.name(), s.Workload.Kind.revisionKind(), pin.Target.ReplicaSet)
	return p, nil
}

// newPlan writes down what is live and what is to be.
func newPlan(pin Pin, s Snapshot, to Revision) Plan {
	p := Plan{
		Workload:     s.Workload,
		WorkloadUID:  s.UID,
		FromRevision: s.Revision,
		FromTemplate: s.Template,
		FromVersion:  pin.Release.Version,
		ToReplicaSet: to.ReplicaSet,
		ToUID:        to.UID,
		ToHash:       to.Hash,
		ToRevision:   to.Number,
		ToTemplate:   to.Template,
		ToVersion:    to.Version,
		Notes:        notes(s),
	}
	if s.Live != nil {
		p.FromHash = s.Live.Hash
	}
	return p
}

// refuse returns the first reason not to roll back at all, the most telling one first.
func refuse(pin Pin, s Snapshot) *Refusal {
	if s.UID != pin.WorkloadUID || s.Deleting {
		return refusal(RefuseWorkloadGone, "%s was deleted after this deployment was pinned", s.Workload)
	}
	if pin.Target == nil {
		return refusal(RefuseNoTarget, "no version of %s is known to be good: %s", s.Workload, pin.NoTarget)
	}
	return nil
}

// refuseUndo returns the first reason not to put the target's template back.
func refuseUndo(pin Pin, s Snapshot) *Refusal {
	if r := refuseLive(pin, s); r != nil {
		return r
	}
	if s.Paused && s.OwnPause == nil {
		return refusal(RefusePaused, "%s is paused", s.Workload)
	}
	if r := refuseUpdate(s); r != nil {
		return r
	}
	if s.ObservedGeneration < s.Generation {
		return refusal(RefuseUnsettled, "%s has not acted on the newest change of %s yet", s.Workload.Kind.controller(), s.Workload)
	}
	target := s.revision(pin.Target.UID)
	if target == nil || !TemplatesEqual(target.Template, pin.Target.Template) {
		return refusal(RefuseTargetMissing, "%s %s of %s is gone", s.Workload.Kind.revisionKind(), pin.Target.ReplicaSet, pin.Target.name())
	}
	return refuseInspected(s, *target)
}

// refuseLive looks at what is live: it must be what was judged, and not what a rollback would bring.
func refuseLive(pin Pin, s Snapshot) *Refusal {
	if TemplatesEqual(s.Template, pin.Target.Template) {
		return refusal(RefuseTargetIsLive, "%s already runs %s", s.Workload, pin.Target.name())
	}
	if ContainersEqual(s.Template, pin.Release.Template) {
		return nil
	}
	if ContainersEqual(s.Template, pin.Target.Template) {
		return refusal(RefuseTargetIsLive, "%s already runs the containers of %s", s.Workload, pin.Target.name())
	}
	return refusal(RefuseSuperseded, "%s now runs %s, whose containers are not those of %s, which was judged",
		s.Workload, s.liveName(), pin.Release.name())
}

func refusal(code RefusalCode, format string, args ...any) *Refusal {
	return &Refusal{Code: code, Reason: fmt.Sprintf(format, args...)}
}
