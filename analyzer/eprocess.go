package analyzer

import "math"

// effects are the sizes of regressions that evidence is gathered for at the same time, as multiples of what a healthy
// release may show, and shares what is bet on each. Their weighted average is an e-process like each of them, and the
// largest of them soon speaks for it, so that the size need not be known beforehand.
var (
	effects = [...]float64{1.2, 1.5, 2, 3, 5, 10, 20, 50, 100, 200}
	shares  = [len(effects)]float64{.03, .09, .2, .2, .23, .13, .06, .03, .02, .01}
)

const (
	// lateShare is what is bet on a fault that begins later than the release (detector.md 3b, B4).
	lateShare = 0.1
	// lateHalf is the number of ticks by which half of that is spent: the chance of the fault beginning with tick t falls
	// as 1/t², and its sum is 1 for ever, so that the bet holds for a watch of any length.
	lateHalf = 60
	// highest is the largest bad fraction that is bet on.
	highest = 0.95
)

// evidence is an e-process against the hypothesis that a release is healthy: under it the expected value never exceeds 1,
// so that by Ville's inequality it ever reaches x with probability 1/x at most. Its zero value is the start of a watch.
type evidence struct {
	ticks int
	// bets are what is bet on each effect and was multiplied since, over all onsets that have come: on a fault from the
	// start and on one that begins at any later tick (Shiryaev and Roberts' recursion with a prior on the onset).
	bets [len(effects)]float64
}

// ceiling keeps bets where they can be multiplied and written; a bet that is cut stays an e-process.
const ceiling = 1e100

// gains are the logarithms of what one tick multiplies the bets with.
type gains [len(effects)]float64

// unspent is the share of the bet on late faults that is on onsets after the given tick.
func unspent(tick int) float64 { return lateHalf / float64(tick+lateHalf) }

// times folds one tick in. No single tick may bring more than limit, so that one burst alone proves nothing; taking less
// keeps an e-process what it is.
func (e evidence) times(g gains, limit float64) evidence {
	onset := lateShare * (unspent(e.ticks) - unspent(e.ticks+1))
	if e.ticks == 0 {
		onset += 1 - lateShare
	}
	e.ticks++
	for i, share := range shares {
		e.bets[i] = min((e.bets[i]+share*onset)*math.Exp(min(g[i], limit)), ceiling)
	}
	return e
}

// value returns the e-value.
func (e evidence) value() float64 {
	if e.ticks == 0 {
		return 1
	}
	// What is bet on onsets still to come has neither won nor lost.
	total := lateShare * unspent(e.ticks)
	for _, bet := range e.bets {
		total += bet
	}
	return total
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

// twoSample weighs a tick against the control of the same tick, whose fraction, whatever it is, a healthy release exceeds by
// a factor of at most ratio: whatever strikes both cancels out. level is where the control's fraction is expected, from
// earlier ticks alone: the better it is guessed the more a tick says, but a wrong guess favours nobody.
//
// Each bet is a likelihood ratio of both versions' counts: the release's at level·ratio·effect and the control's at level,
// over the healthy pair that is nearest to these two. Healthy pairs are a convex set, so that no other one in it gives a ratio
// with an expectation above 1 (Turner, Ly and Grünwald, "Generic E-variables for exact sequential k-sample tests", 2024).
func twoSample(release, control Counts, ratio, level, dispersion float64) gains {
	var g gains
	n, k := float64(release.N), float64(release.K)
	m, l := float64(control.N), float64(control.K)
	for i, effect := range effects {
		worse := min(level*ratio*effect, highest)
		if !(level > 0 && worse > level*ratio) {
			continue
		}
		healthy := nearestHealthy(n, m, worse, level, ratio)
		g[i] = (k*math.Log(worse/(healthy*ratio)) + (n-k)*math.Log((1-worse)/(1-healthy*ratio)) +
			l*math.Log(level/healthy) + (m-l)*math.Log((1-level)/(1-healthy))) / dispersion
	}
	return g
}

// nearestHealthy returns the control's fraction p of the healthy pair (ratio·p, p) from which the pair (worse, level) is
// hardest to tell: it minimises n·KL(worse, ratio·p) + m·KL(level, p), whose derivative is 0 at the lesser root of a·p² - b·p + c.
func nearestHealthy(n, m, worse, level, ratio float64) float64 {
	c := n*worse + m*level
	calm, well := m*(1-level), n*ratio*(1-worse)
	a := ratio*(c+calm) + well
	b := c*(1+ratio) + calm + well
	return 2 * c / (b + math.Sqrt(max(0, b*b-4*a*c)))
}
