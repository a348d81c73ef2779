package analyzer

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// binomial returns the probability of k of n at p.
func binomial(n, k uint64, p float64) float64 {
	log := lgamma(float64(n)+1) - lgamma(float64(k)+1) - lgamma(float64(n-k)+1)
	if k > 0 {
		log += float64(k) * math.Log(p)
	}
	if k < n {
		log += float64(n-k) * math.Log1p(-p)
	}
	return math.Exp(log)
}

func lgamma(x float64) float64 { v, _ := math.Lgamma(x); return v }

// What makes evidence an e-process is that no tick of a healthy release multiplies any of the bets by more than 1 on
// average. Every outcome of a tick is enumerated; nothing is drawn.
func TestNoTickFavoursRejectionAgainstTheBaseline(t *testing.T) {
	for _, q := range []float64{0.001, 0.005, 0.05, 0.3, 0.94} {
		for _, n := range []uint64{1, 2, 10, 100} {
			for _, p := range []float64{q, q / 2, q / 10} {
				var mean [len(effects)]float64
				for k := range n + 1 {
					for i, g := range oneSample(Counts{N: n, K: k}, q, 1) {
						mean[i] += binomial(n, k, p) * math.Exp(g)
					}
				}
				for i, m := range mean {
					require.LessOrEqual(t, m, 1+1e-9, "q %g, n %d, p %g, effect %g", q, n, p, effects[i])
					if p == q {
						require.InDelta(t, 1, m, 1e-9, "on the boundary it is fair: q %g, n %d, effect %g", q, n, effects[i])
					}
				}
			}
		}
	}
}

// Whatever the control's fraction is, and whatever it was expected to be, a release that exceeds it by no more than the allowed
// ratio never gains. Every pair of outcomes is enumerated.
func TestNoTickFavoursRejectionAgainstTheControl(t *testing.T) {
	const allowed = 1.1
	for _, traffic := range [][2]uint64{{1, 1}, {20, 20}, {2, 40}, {40, 2}} {
		for _, level := range []float64{0.001, 0.01, 0.2, 0.5} {
			for _, p := range []float64{0.0005, 0.01, 0.1, 0.5, 0.9} {
				for _, ratio := range []float64{allowed, 1, 0.5} {
					for i, m := range meanFactors(traffic, allowed, level, p, p*ratio) {
						require.LessOrEqual(t, m, 1+1e-9, "traffic %v, control at %g, expected %g, ratio %g, effect %g", traffic, p, level, ratio, effects[i])
					}
				}
			}
		}
	}
}

func meanFactors(traffic [2]uint64, allowed, level, control, release float64) (mean [len(effects)]float64) {
	for k := range traffic[0] + 1 {
		for l := range traffic[1] + 1 {
			probability := binomial(traffic[0], k, release) * binomial(traffic[1], l, control)
			for i, g := range twoSample(Counts{N: traffic[0], K: k}, Counts{N: traffic[1], K: l}, allowed, level, 1) {
				mean[i] += probability * math.Exp(g)
			}
		}
	}
	return mean
}

// It is not that it never gains because nothing does: a release that is as bad as is bet on gains with every tick.
func TestATickOfABadReleaseGains(t *testing.T) {
	for i, m := range meanFactors([2]uint64{20, 20}, 1.1, 0.01, 0.01, 0.055) {
		if effects[i] >= 2 && effects[i] <= 20 {
			require.Greater(t, m, 1.02, "effect %g", effects[i])
		}
	}
}

// What is bet in all is never more than what there was, and a tick that says nothing changes nothing.
func TestEvidenceStartsAtOneAndStaysThereWithoutNews(t *testing.T) {
	e := evidence{}
	require.InDelta(t, 1, e.value(), 1e-12)
	for range 5000 {
		e = e.times(gains{}, math.Inf(1))
		require.InDelta(t, 1, e.value(), 1e-9, "after %d ticks", e.ticks)
	}
}

// A fault that comes late is found though the ticks before it spoke for the release: bets on a later onset were not lost.
func TestALateFaultIsNotHeldAgainstTheQuietTimeBefore(t *testing.T) {
	e := evidence{}
	for range 240 {
		e = e.times(oneSample(Counts{N: 150}, 0.01, 1), 5)
	}
	require.Greater(t, e.value(), 0.01, "what is not yet bet is not lost")
	ticks := 0
	for ; e.value() < 2000; ticks++ {
		e = e.times(oneSample(Counts{N: 150, K: 15}, 0.01, 1), 5)
	}
	require.LessOrEqual(t, ticks, 5)
}

// One tick alone, however bad, never suffices: it may be one burst.
func TestOneTickAloneProvesNothing(t *testing.T) {
	r := Rules{}
	e := evidence{}.times(oneSample(Counts{N: 1e6, K: 1e6}, 0.001, 1), r.tickLimit())
	require.Less(t, e.value(), r.required())
	require.False(t, math.IsInf(e.times(oneSample(Counts{N: 1 << 62, K: 1 << 62}, 1e-9, 1), math.Inf(1)).value(), 0), "it can be written as JSON")
}

func TestUpperBound(t *testing.T) {
	for _, c := range []struct {
		counts      Counts
		alpha, want float64
	}{
		// The exact Poisson bounds of 0, 1 and 10 events, from the chi-square quantiles (ln 20 = 2.996 for none).
		{Counts{N: 1000}, 0.05, 0.002996},
		{Counts{N: 1000, K: 1}, 0.05, 0.004744},
		{Counts{N: 1000, K: 10}, 0.05, 0.016962},
		{Counts{N: 1_000_000, K: 1000}, 0.0005, 0.001108},
	} {
		require.InEpsilon(t, c.want, upperBound(c.counts, 1, c.alpha), 0.02, "%v at %g", c.counts, c.alpha)
	}
	require.Equal(t, 1.0, upperBound(Counts{}, 1, 0.05), "nothing is known")
	require.Greater(t, upperBound(Counts{N: 1000, K: 10}, 3, 0.05), upperBound(Counts{N: 1000, K: 10}, 1, 0.05), "scatter widens it")
}
