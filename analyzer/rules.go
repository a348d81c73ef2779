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
	// DefaultAlpha. A twentieth of it is spent on the baseline's bound, the rest on the evidence.
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

// baselineShare is the part of alpha that is the chance of the baseline's upper bound being too low. It is small, as a bound
// that is ten times as safe is hardly any higher, while evidence that must be twice as large takes longer to gather.
const baselineShare = 0.05

// required is the evidence from which on a release is acted on without asking. By Ville's inequality a process that is a
// test martingale for a healthy release ever exceeds it with the rest of alpha at most.
func (r Rules) required() float64 { return 1 / (r.alpha() * (1 - baselineShare)) }

// tickLimit bounds the logarithm of what one tick may multiply a bet with: three bad ticks prove a fault that comes late,
// one alone proves nothing.
func (r Rules) tickLimit() float64 { return math.Log(r.required())/2 + 2.5 }

// suspicious is the evidence from which on a breach that was held is shown to a person, who decides (detector.md 3a).
const suspicious = 20
