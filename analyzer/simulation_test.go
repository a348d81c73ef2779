package analyzer

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// cell is one kind of service that releases are simulated on.
type cell struct {
	// rate is requests a second, base the fraction of them that fails, burst the mean number of failures that come
	// together: failures come in clusters of a geometrically distributed size.
	rate, base, burst float64
	// split is the share of the requests that the old version goes on serving beside the new one.
	split float64
	// becomes is the fraction that fails from onset on, by the release's doing.
	becomes float64
	onset   time.Duration
	length  time.Duration
	alpha   float64
}

const simulatedTick = 15 * time.Second

// counts draws what n seconds' worth of requests show.
func (c cell) counts(rnd *rand.Rand, requests, fraction float64) Counts {
	n := poisson(rnd, requests)
	clusters := poisson(rnd, requests*fraction/c.burst)
	var k uint64
	for range clusters {
		k++
		for c.burst > 1 && rnd.Float64() > 1/c.burst {
			k++
		}
	}
	return Counts{N: n, K: min(k, n)}
}

func (c cell) baseline(rnd *rand.Rand) Baseline {
	b := Baseline{Signal: "errors", From: second(-3600), To: second(0), Step: simulatedTick}
	for range int(time.Hour / simulatedTick) {
		t := c.counts(rnd, c.rate*simulatedTick.Seconds(), c.base)
		b.Ticks, b.Counts = append(b.Ticks, t), b.Counts.Plus(t)
	}
	return b
}

// release plays one release and returns when it was acted on without asking, counted from the onset.
func (c cell) release(rnd *rand.Rand) (delay time.Duration, acted bool) {
	rules := Rules{Alpha: c.alpha, Signals: []Signal{{Name: "errors", Kind: KindErrorRate, Scrape: simulatedTick, Rule: Sustained{
		Relative: 0.10, Absolute: 0.001, Window: time.Minute, For: 5 * time.Minute, MinRequests: 100,
	}}}}
	baselines := map[string]Baseline{"errors": c.baseline(rnd)}
	var st State
	var j Judgement
	for from := time.Duration(0); from < c.length; from += simulatedTick {
		fraction := c.base
		if c.becomes > 0 && from >= c.onset {
			fraction = c.becomes
		}
		requests := c.rate * simulatedTick.Seconds()
		m := Measurement{Samples: 1, Pods: map[string]Counts{"new": c.counts(rnd, requests*(1-c.split), fraction)}}
		m.Control = c.counts(rnd, requests*c.split, c.base)
		at := second(0).Add(from + simulatedTick)
		st, j = Step(rules, baselines, st, Tick{From: second(0).Add(from), At: at, Signals: map[string]Measurement{"errors": m}})
		if j.Verdict == Regressed && !j.Unproven {
			return from + simulatedTick - c.onset, true
		}
	}
	return 0, false
}

// poisson draws a Poisson number: by Knuth's product where its mean is small, else by the normal approximation.
func poisson(rnd *rand.Rand, mean float64) uint64 {
	if mean > 60 {
		return uint64(max(0, math.Round(mean+math.Sqrt(mean)*rnd.NormFloat64())))
	}
	limit, product, n := math.Exp(-mean), rnd.Float64(), uint64(0)
	for product > limit {
		product *= rnd.Float64()
		n++
	}
	return n
}

// Healthy releases are acted on no more often than alpha, whatever the traffic and however the failures come in bursts.
// With 300 runs a cell a rate of alpha gives 15, and more than 28 with probability 0.001. The watch is an hour of ticks, each
// of which could act.
func TestHealthyReleasesAreLeftAlone(t *testing.T) {
	const runs, tolerated = 300, 28
	for _, c := range []cell{
		{rate: 1, base: 0.01, burst: 10},
		{rate: 10, base: 0.001, burst: 1},
		{rate: 10, base: 0.01, burst: 5},
		{rate: 10, base: 0.001, burst: 10, split: 0.5},
		{rate: 100, base: 0.01, burst: 3, split: 0.5},
	} {
		t.Run(fmt.Sprintf("%g a second, %g failing in bursts of %g, %g by the old version", c.rate, c.base, c.burst, c.split), func(t *testing.T) {
			t.Parallel()
			c.alpha, c.length = 0.05, time.Hour
			rnd := rand.New(rand.NewPCG(1, 2))
			acted := 0
			for range runs {
				if _, bad := c.release(rnd); bad {
					acted++
				}
			}
			require.LessOrEqual(t, acted, tolerated, "of %d", runs)
		})
	}
}

// Bad releases are acted on about as soon as the requests that they served can prove it.
func TestBadReleasesAreFound(t *testing.T) {
	for _, c := range []struct {
		cell
		median time.Duration
	}{
		{cell{rate: 1, base: 0.01, becomes: 0.2, split: 0.5}, 195 * time.Second},
		// Seven requests a tick, of which in two ticks of three none fails: what they prove takes 20 minutes.
		{cell{rate: 1, base: 0.01, becomes: 0.05, split: 0.5, length: 3 * time.Hour}, 25 * time.Minute},
		{cell{rate: 10, base: 0.01, becomes: 0.05, split: 0.5}, 135 * time.Second},
		{cell{rate: 10, base: 0.01, becomes: 0.2, split: 0.5}, 45 * time.Second},
		{cell{rate: 10, base: 0.001, becomes: 0.05}, 45 * time.Second},
		{cell{rate: 10, base: 0.01, becomes: 0.2, onset: 30 * time.Minute}, 45 * time.Second},
	} {
		t.Run(fmt.Sprintf("%g a second, from %g to %g after %s, %g by the old version", c.rate, c.base, c.becomes, c.onset, c.split), func(t *testing.T) {
			t.Parallel()
			c.burst, c.length = 1, cmp.Or(c.length, time.Hour)
			rnd := rand.New(rand.NewPCG(3, 4))
			var delays []time.Duration
			for range 161 {
				delay, acted := c.release(rnd)
				require.True(t, acted, "missed")
				require.Positive(t, delay, "acted on before it was bad")
				delays = append(delays, delay)
			}
			slices.Sort(delays)
			require.LessOrEqual(t, delays[len(delays)/2], c.median)
		})
	}
}
