package rollback

import "fmt"

// PlannedCanary is the part of a Plan that is about a canary.
type PlannedCanary struct {
	Stable Workload `json:"stable"`
	// StablePodPrefix is what the names of the stable workload's pods begin with now; a restart since the pin has changed it.
	StablePodPrefix string `json:"stablePodPrefix"`
	// Undo says that the canary is given an earlier template; otherwise it is scaled from Replicas to zero. Replicas change
	// with each step, so Apply replaces them by those of the Deployment it reads.
	Undo     bool  `json:"undo,omitempty"`
	Replicas int32 `json:"replicas"`
}

// scales reports whether the plan scales a canary to zero.
func (p Plan) scales() bool { return p.Canary != nil && !p.Canary.Undo }

// planCanary plans to take a canary away. The traffic goes to the stable workload by itself, as the canary's pods leave the
// endpoints of the Services that they share.
func planCanary(pin Pin, s Snapshot, failing bool) (Plan, *Refusal) {
	if r := refuseCanary(pin, s); r != nil {
		return Plan{}, r
	}
	to := *pin.Target
	if live := s.Canary.Stable.Live; live != nil {
		to = *live
	}
	planned := &PlannedCanary{Stable: s.Canary.Stable.Workload, StablePodPrefix: to.PodPrefix, Undo: pin.Canary.Undo, Replicas: s.Replicas}
	if pin.Canary.Undo {
		return planCanaryUndo(pin, s, planned)
	}
	if r := refuseScale(s, failing); r != nil {
		return Plan{}, r
	}
	p := newPlan(pin, s, to)
	p.HasAnnotations = len(s.Annotations) > 0
	p.Canary = planned
	from := Revision{Number: s.Revision, Version: pin.Release.Version}
	p.Summary = fmt.Sprintf("scale the canary %s from %d to 0, so that %s goes and %s of %s serves alone",
		s.Workload, s.Replicas, from.name(), to.name(), planned.Stable)
	return p, nil
}

// planCanaryUndo plans to give the canary an earlier template of its own, as a rolling update is undone.
func planCanaryUndo(pin Pin, s Snapshot, planned *PlannedCanary) (Plan, *Refusal) {
	undo := pin
	undo.Target, undo.NoTarget, undo.Why = pin.Canary.Earlier, pin.Canary.NoEarlier, pin.Canary.Why
	if r := refuse(undo, s); r != nil {
		return Plan{}, r
	}
	p, r := planUndo(undo, s)
	p.Canary = planned
	return p, r
}

// refuseCanary returns the first reason not to take a canary away by any means.
func refuseCanary(pin Pin, s Snapshot) *Refusal {
	state := s.Canary
	switch {
	case state == nil || state.Stable == nil || state.Stable.UID != pin.Canary.StableUID || state.Stable.Deleting:
		return refusal(RefuseTargetMissing, "%s/%s, beside which %s is the canary, is gone: it was deleted, or deleted and made again",
			s.Workload.Namespace, pin.Canary.Stable, s.Workload)
	case !ContainersEqual(s.Template, pin.Release.Template):
		return refusal(RefuseSuperseded, "%s now runs %s, whose containers are not those of %s, which was judged",
			s.Workload, s.liveName(), pin.Release.name())
	case Promoted(pin, s):
		return refusal(RefuseSuperseded, "%s runs %s too by now, so that nothing is gained by taking the canary away",
			state.Stable.Workload, pin.Release.Version)
	}
	return nil
}

// refuseScale returns the first reason not to scale a canary to zero.
func refuseScale(s Snapshot, failing bool) *Refusal {
	state := s.Canary
	if s.Replicas == 0 {
		return refusal(RefuseTargetIsLive, "%s is scaled to zero already", s.Workload)
	}
	if r := refuseStable(s, failing); r != nil {
		return r
	}
	const instead = "set the policy's canary.rollback to undo, or scale it by hand where that decides"
	switch {
	case len(state.Scalers) > 0:
		return refusal(RefuseScaled, "the number of pods of %s is decided by %s, which could scale it up again; %s",
			s.Workload, state.scalers(), instead)
	case state.ScalersUnknown != "":
		return refusal(RefuseScaled, "it could not be read whether an autoscaler would scale %s up again (%s); let rollbackd list "+
			"horizontalpodautoscalers, or %s", s.Workload, state.ScalersUnknown, instead)
	}
	return nil
}

// refuseStable asks whether the stable workload can take the traffic of the canary, by the rule of a switch: a canary may
// have been given most of it.
func refuseStable(s Snapshot, failing bool) *Refusal {
	stable := s.Canary.Stable
	ready, canary, wanted, why := stable.readyPods(), s.readyPods(), int32(1), "at least one must be"
	if !failing && canary > 0 {
		wanted = (4*canary + 4) / 5 // 80 %, rounded up
		why = fmt.Sprintf("%d must be, 80 %% of the %d of the canary", wanted, canary)
	}
	if ready >= wanted {
		return nil
	}
	return refusal(RefuseTargetNotReady, "%d pods of %s are ready to take the traffic of %s; %s", ready, stable.Workload, s.Workload, why)
}

// scaleToZero is the compare-and-swap of a canary's replicas: of the same object, with the template that was judged.
func (p Plan) scaleToZero() ([]operation, error) {
	from, err := canonical(p.FromTemplate)
	if err != nil {
		return nil, fmt.Errorf("unable to read the live template of %s: %w", p.Workload, err)
	}
	return []operation{
		{"test", "/metadata/uid", p.WorkloadUID},
		{"test", "/spec/template", from},
		{"test", "/spec/replicas", p.Canary.Replicas},
		{"replace", "/spec/replicas", 0},
	}, nil
}

// scaledFrom returns the plan of a scale down as it is for the replicas that the canary has now: another step of the same
// version is no reason to leave it.
func (p Plan) scaledFrom(replicas int32) Plan {
	if p.scales() {
		fresh := *p.Canary
		fresh.Replicas = replicas
		p.Canary = &fresh
	}
	return p
}

// compareScale tells whether the outcome of a scale down can be read off what is live; no result means that it still stands.
func compareScale(p Plan, s Snapshot, intentID string) (Result, string) {
	switch {
	case s.UID != p.WorkloadUID || s.Deleting:
		return Failed, gone(p)
	case landed(p, s, intentID) && s.Replicas > 0:
		return Landed, fmt.Sprintf("%s was scaled to 0 by this intent, and was scaled up again since", p.Workload)
	case landed(p, s, intentID):
		return Landed, fmt.Sprintf("%s has 0 replicas, by this intent", p.Workload)
	case s.Replicas == 0:
		return Superseded, fmt.Sprintf("%s has 0 replicas already, but somebody else saw to that", p.Workload)
	case p.restarted(s):
		return Outdated, p.restartedWords()
	case !TemplatesEqual(s.Template, p.FromTemplate):
		return Superseded, fmt.Sprintf("%s now runs %s; the plan was made for revision %s", p.Workload, s.liveName(), p.FromRevision)
	}
	return "", ""
}
