package analyzer

import (
	"math"
	"time"
)

// DefaultAlpha is the probability of a false rollback of one deployment that a policy accepts unless it says otherwise.
const DefaultAlpha = 0.001

// Rules are everything about a policy that judging depends on.
type Rules struct {
	Signals []Signal
	// Alpha bounds the probability that a healthy deployment is ever acted on, over the whole watch; zero means
	// DefaultAlpha. Half of it is spent on the baseline's bound, half on the evidence.
	Alpha float64
	// MinBreach is the least length of a breach that is acted on; zero means 15 seconds. It is never less than three
	// ticks.
	MinBreach time.Duration
	// Guarded says that nothing is laid to a release before the ticks tell what happened around it, wherever the old version
	// does not serve beside it.
	Guarded bool
}

// The least breach that is ever acted on.
const (
	minBreach      = 15 * time.Second
	minBreachTicks = 3
)

func (r Rules) alpha() float64 {
	if r.Alpha <= 0 {
		return DefaultAlpha
	}
	return r.Alpha
}

// required is the evidence from which on a release is acted on without asking. By Ville's inequality a process that is a
// test martingale for a healthy release exceeds 2/alpha with probability alpha/2 at most, ever; the other half of alpha is
// the chance that the baseline's upper bound is too low.
func (r Rules) required() float64 { return 2 / r.alpha() }

// tickLimit bounds the logarithm of what one tick may multiply a bet with: three bad ticks prove a fault that comes late,
// one alone proves nothing.
func (r Rules) tickLimit() float64 { return math.Log(r.required())/2 + 2.5 }

// suspicious is the evidence from which on a breach that was held is shown to a person, who decides (detector.md 3a).
const suspicious = 20
