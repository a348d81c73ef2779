package watch

import (
	"fmt"
	"slices"

	"github.com/rollbackd/rollbackd/rollback"
)

// This file has a daemon that was started to observe do nothing by itself, whatever its policies say. What people ask for is still done.

// overruled returns the policies, with observe for the mode of every stage.
func overruled(policies []Policy) []Policy {
	policies = slices.Clone(policies)
	for i := range policies {
		p := &policies[i]
		p.Overruled, p.Stages = true, slices.Clone(p.Stages)
		for j := range p.Stages {
			p.Stages[j].Mode = Observe
		}
	}
	return policies
}

// observed is why nothing is done in a stage that only observes.
func (p Policy) observed(stage string) *rollback.Refusal {
	r := &rollback.Refusal{Code: rollback.RefuseObserve, Reason: fmt.Sprintf("policy %q only observes in the %s stage", p.Name, stage)}
	if p.Overruled {
		r.Reason = fmt.Sprintf("rollbackd was started with --observe, which overrules the mode of policy %q", p.Name)
	}
	return r
}

// overrule returns why nothing is done by itself now for a watch that began while the policy's own mode counted; nil where that still counts.
func (s *Supervisor) overrule(w Watch) *rollback.Refusal {
	if !s.rules().Observe {
		return nil
	}
	return Policy{Name: w.Policy.Name, Overruled: true}.observed("")
}
