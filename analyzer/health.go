package analyzer

import "math"

// This file proves that a release is well, which is more than finding nothing wrong with it (detector.md 3b, early pass).

// healthGains weighs a tick for a release being within the limit, against all that are not: the factor of oneSample with
// fractions below q has expectation 1 at q, and less above it.
func healthGains(c Counts, q, dispersion float64) gains {
	var g gains
	if !(q > 0 && q < highest) {
		return g
	}
	k, rest := float64(c.K), float64(c.N-c.K)
	for i, effect := range effects {
		theta := q / effect
		g[i] = (k*math.Log(theta/q) + rest*math.Log((1-theta)/(1-q))) / dispersion
	}
	return g
}

// withHealth folds one tick into the proof of health. It is made against the limit that people are shown.
func (st SequentialState) withHealth(sig Signal, base Baseline, c Counts, dispersion float64) SequentialState {
	if limit, known := plainLimit(sig, base); known && c.N > 0 {
		st.health = st.health.times(healthGains(c, limit, dispersion), math.Inf(1))
	}
	return st
}

// provenHealthy reports whether every signal is proven to be within its limit, with the same certainty as a rollback needs. A bad
// release is taken for proven healthy with probability alpha at most. Business metrics cannot be proven so.
func (st State) provenHealthy(r Rules, j Judgement) bool {
	if j.Verdict != Healthy {
		return false
	}
	proven := 0
	for i, sig := range r.Signals {
		switch {
		case sig.Kind == KindRollout:
		case sig.Kind == KindBusiness, st.signals[i].sequential.health.value() < 1/r.alpha():
			return false
		default:
			proven++
		}
	}
	return proven > 0
}
