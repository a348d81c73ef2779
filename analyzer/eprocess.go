package analyzer

import "math"

// effects are the sizes of regressions that evidence is gathered for at the same time, as multiples of what a healthy
// release may show, and shares what is bet on each. Their weighted average is an e-process like each of them, and the
// largest of them soon speaks for it, so that the size need not be known beforehand.
var (
	effects = [...]float64{1.2, 1.5, 2, 3, 5, 10, 20, 50, 100, 200}
	shares  = [len(effects)]float64{.06, .1, .14, .18, .2, .14, .08, .04, .03, .03}
)

const (
	// lateShare is what is bet on a fault that begins later than the release (detector.md 3b, B4).
	lateShare = 0.3
	// lateHalf is the number of ticks by which half of that is spent: the chance of the fault beginning with tick t falls
	// as 1/t², and its sum is 1 for ever, so that the bet holds for a watch of any length.
	lateHalf = 60
	// highest is the largest bad fraction that is bet on.
	highest = 0.95
)

// evidence is an e-process against the hypothesis that a release is healthy: under it the expected value never exceeds 1,
// so that by Ville's inequality it ever reaches x with probability 1/x at most. Its zero value is the start of a watch.
// Everything is kept as logarithms.
type evidence struct {
	ticks int
	// plain bets on a fault from the start, late on one that begins at any tick (Shiryaev and Roberts' recursion with a
	// prior on the onset).
	plain, late [len(effects)]float64
}

// gains are the logarithms of what one tick multiplies the bets with.
type gains [len(effects)]float64

// times folds one tick in. No single tick may bring more than limit, so that one burst alone proves nothing; taking less
// keeps an e-process what it is.
func (e evidence) times(g gains, limit float64) evidence {
	if e.ticks == 0 {
		for i := range e.late {
			e.late[i] = math.Inf(-1)
		}
	}
	e.ticks++
	onset := math.Log(lateHalf) - math.Log(float64(e.ticks+lateHalf-1)) - math.Log(float64(e.ticks+lateHalf))
	for i := range g {
		gain := min(g[i], limit)
		e.plain[i] += gain
		e.late[i] = logSum(e.late[i], onset) + gain
	}
	return e
}

// value returns the e-value, at most the largest number that can be written.
func (e evidence) value() float64 {
	if e.ticks == 0 {
		return 1
	}
	total := math.Inf(-1)
	for i, share := range shares {
		total = logSum(total, math.Log(share*(1-lateShare))+e.plain[i])
		total = logSum(total, math.Log(share*lateShare)+e.late[i])
	}
	// What is bet on onsets still to come has neither won nor lost.
	unspent := float64(lateHalf) / float64(e.ticks+lateHalf)
	return math.Exp(min(logSum(total, math.Log(lateShare*unspent)), 700))
}

func logSum(a, b float64) float64 {
	if a < b {
		a, b = b, a
	}
	if math.IsInf(b, -1) {
		return a
	}
	return a + math.Log1p(math.Exp(b-a))
}

// oneSample weighs a tick against a fraction q that a healthy release does not exceed (detector.md 3b, B1). The factor
// (θ/q)^k ((1-θ)/(1-q))^(n-k) has expectation 1 at q and less below it. Counts that scatter more than independent
// requests weigh less in proportion.
func oneSample(c Counts, q, dispersion float64) gains {
	var g gains
	if !(q > 0 && q < highest) {
		return g
	}
	k, rest := float64(c.K), float64(c.N-c.K)
	for i, effect := range effects {
		theta := min(q*effect, highest)
		g[i] = (k*math.Log(theta/q) + rest*math.Log((1-theta)/(1-q))) / dispersion
	}
	return g
}

// twoSample weighs a tick against the control of the same tick, whose fraction a healthy release exceeds by a factor of
// at most ratio (detector.md 3b, B2). Given how many failed in all, how many of these are the release's depends on the
// traffic of both and on the ratio of their fractions alone: whatever strikes both cancels out.
func twoSample(release, control Counts, ratio, dispersion float64) gains {
	var g gains
	k, all := float64(release.K), float64(release.K)+float64(control.K)
	rho := float64(release.N) / (float64(release.N) + float64(control.N))
	for i, effect := range effects {
		r := ratio * effect
		g[i] = (k*math.Log(r/ratio) - all*math.Log((1-rho+rho*r)/(1-rho+rho*ratio))) / dispersion
	}
	return g
}
