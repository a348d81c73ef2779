package analyzer

import (
	"math"
	"time"
)

// null is what a healthy release may show at the most, and why.
type null struct {
	limit      float64
	dispersion float64
	// why names what raised it above what the baseline alone allows, empty if nothing did.
	why string
}

// tailSpan is the part of the baseline just before the deployment in which a fault may have begun already.
const tailSpan = 5 * time.Minute

// ground is the part of the null that does not change during a watch.
type ground struct {
	null
	// paired is how much counts scatter against those of the old version beside it.
	paired float64
	// plain is the limit by the baseline and the objective alone.
	plain float64
	// known is false where there is neither a baseline nor an objective.
	known bool
	// level is the fraction that the old version is first expected to show beside the release.
	level float64
	// failing is how many ticks with failures the baseline had for each request, at the most, where these were few; else 0.
	failing float64
}

// groundOf derives what evidence is counted against. It is the upper bound of the baseline's fraction, with the policy's
// allowance: a release is not to blame for what was there before it. The bound fails with a twentieth of alpha at most
// over all signals. An objective is a bound of its own.
func groundOf(r Rules, sig Signal, base Baseline) *ground {
	calm, tail, rose := base.risenTail()
	n := null{dispersion: calm.Dispersion()}
	alpha := r.alpha() * baselineShare / float64(max(1, len(r.Signals)))
	if base.Problem == "" && calm.Counts.N > 0 {
		n.limit = sig.Rule.Limit(upperBound(clamp(calm.Counts), n.dispersion, alpha))
	}
	if sig.Kind == KindLatency {
		n.limit = max(n.limit, 1-sig.Objective.Quantile)
	}
	g := &ground{known: n.limit > 0, paired: n.dispersion, plain: n.limit, level: levelOf(calm.Counts)}
	if base.Apart > 0 {
		g.paired = min(g.paired, max(1, base.Apart))
	}
	if fraction, scarce := calm.scarce(); scarce && sig.Kind == KindErrorRate {
		g.failing = fraction * (1 + sig.Rule.Relative)
	}
	if rose {
		n = n.raised(sig.Rule.Limit(upperBound(tail, n.dispersion, alpha)), "it had risen before the deployment already")
	}
	g.null = n
	return g
}

// beside raises the limit to what the old version showed while it served beside the new one.
func (g ground) beside(sig Signal, control Counts) null {
	ratio, served := clamp(control).Ratio()
	if !served || control.K < sickExpects {
		return g.null
	}
	return g.raised(sig.Rule.Limit(ratio), "the old version did no better while it served beside the new one")
}

func (n null) raised(limit float64, why string) null {
	if limit > n.limit {
		n.limit, n.why = limit, why
	}
	return n
}

// risenTail tells the last minutes before the deployment from the rest of the baseline, if they are surely worse. Otherwise
// all of it is calm. How much counts scatter is then read from the calm part, or the rise would hide itself.
func (b Baseline) risenTail() (calm Baseline, tail Counts, rose bool) {
	if b.Step <= 0 {
		return b, Counts{}, false
	}
	ticks := served(b.Ticks)
	from := len(ticks) - max(minBreachTicks, int(tailSpan/b.Step))
	if from < leastGroups {
		return b, Counts{}, false
	}
	calm = Baseline{Step: b.Step, Ticks: ticks[:from], Counts: sumOf(ticks[:from])}
	tail = sumOf(ticks[from:])
	if tail.N == 0 || calm.Counts.N == 0 {
		return b, Counts{}, false
	}
	e := evidence{}.times(twoSample(tail, calm.Counts, 1, levelOf(calm.Counts), calm.Dispersion()), math.Inf(1))
	if e.value() < suspicious {
		return b, Counts{}, false
	}
	return calm, tail, true
}

func sumOf(ticks []Counts) Counts {
	var all Counts
	for _, t := range ticks {
		all = all.Plus(clamp(t))
	}
	return all
}

// levelOf guesses a fraction from counts, which may be none.
func levelOf(c Counts) float64 {
	c = clamp(c)
	return (float64(c.K) + 0.5) / (float64(c.N) + 100)
}

// spread weighs whether a tick has failures, however many, where the baseline cannot show how they come together.
func (g ground) spread(c Counts) gains {
	if g.failing == 0 {
		return gains{}
	}
	fails := min(spreadLimit, -math.Expm1(-g.failing*float64(c.N)))
	return oneSample(Counts{N: 1, K: min(1, c.K)}, fails, 1)
}
