package analyzer

import "time"

// Proof is how long it takes to prove a release bad.
type Proof struct {
	// Fraction of the release's requests is bad, instead of what the baseline had.
	Fraction float64 `json:"fraction"`
	// After is how long after the first bad request a policy that may do so rolls back, without waiting for the rule's own time;
	// zero if that is not within the watch.
	After time.Duration `json:"-"`
}

// TimeToProve estimates how long it takes until a release of which a fraction is bad is held to
// be proven bad, at a steady number of requests a second and without the old version beside it. It gathers evidence on what is
// expected of every tick by the code that judges, and gives up after the limit.
func TimeToProve(r Rules, sig Signal, base Baseline, perSecond, fraction float64, interval, limit time.Duration) Proof {
	proof := Proof{Fraction: fraction}
	g := groundOf(r, sig, base)
	if !g.known || perSecond <= 0 || interval <= 0 {
		return proof
	}
	// Expected counts are fractions of requests, but gains are proportional to counts, so that those of many requests do.
	const many = 1 << 40
	perTick := oneSample(Counts{N: many, K: uint64(many * min(fraction, 1))}, g.limit, g.dispersion)
	for i := range perTick {
		perTick[i] *= perSecond * interval.Seconds() / many
	}
	others := float64(r.measured()) // their evidence is averaged with this signal's, and is nothing
	var e evidence
	for at := interval; at <= limit; at += interval {
		e = e.times(perTick, r.tickLimit())
		if e.ticks >= minBreachTicks && at >= max(minBreach, r.MinBreach) && e.value() >= others*r.required() {
			proof.After = at
			return proof
		}
	}
	return proof
}

// measured is the number of signals that evidence is gathered for.
func (r Rules) measured() int {
	n := 0
	for _, sig := range r.Signals {
		if sig.FromMetrics() {
			n++
		}
	}
	return max(1, n)
}
