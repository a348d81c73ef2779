package analyzer

import (
	"fmt"
	"math"
)

const (
	// normally is by what part a release may differ from the baseline to pass the runbook's validation.
	normally = 0.05
	// leastFailures is how many failures both must have for a difference to be more than chance.
	leastFailures = 100
)

// withWarning notes that a release has failed more or fewer requests than the baseline by more than the runbook's validation
// allows. People want to know, and nothing is ever done about it.
func (a Assessment) withWarning(sig Signal, base Baseline, total Counts) Assessment {
	before, after := clamp(base.Counts), clamp(total)
	if sig.Kind != KindErrorRate || before.K < leastFailures || after.K < leastFailures {
		return a
	}
	usual, _ := before.Ratio()
	now, _ := after.Ratio()
	off := now/usual - 1
	if math.Abs(off) <= normally {
		return a
	}
	a.OffBaseline = off
	if a.Verdict == Healthy {
		a.Reason += fmt.Sprintf("; since the deployment %+.0f %% against the baseline", off*100)
	}
	return a
}
