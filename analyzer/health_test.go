package analyzer

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// No bet on a release being well gains by one that is not, by the exact binomial distribution.
func TestHealthGainsFavourNoBadRelease(t *testing.T) {
	const q, n = 0.02, 60
	for _, p := range []float64{q, 0.03, 0.2, 0.9} {
		var sums [len(effects)]float64
		for k := range n + 1 {
			chance := binomial(n, uint64(k), p)
			for i, gain := range healthGains(Counts{N: n, K: uint64(k)}, q, 1) {
				sums[i] += chance * math.Exp(gain)
			}
		}
		for i, sum := range sums {
			require.LessOrEqual(t, sum, 1+1e-9, "effect %v at %v", effects[i], p)
		}
	}
}

func TestHealthIsProvenByTrafficAlone(t *testing.T) {
	for _, c := range []struct {
		name string
		// requests a tick, and the part of them that fails, where the limit is 1.1 %.
		requests uint64
		ratio    float64
		proven   bool
	}{
		{"well, with traffic", 500, 0.002, true},
		{"well, with little traffic", 2, 0.002, false},
		{"just at the limit", 500, 0.011, false},
		{"bad", 500, 0.05, false},
		{"without traffic", 0, 0, false},
	} {
		require.Equal(t, c.proven, provenAfterAnHour(c.requests, c.ratio), c.name)
	}
}

func provenAfterAnHour(requests uint64, ratio float64) bool {
	rnd := rand.New(rand.NewPCG(7, 8))
	sig := Signal{Name: "errors", Kind: KindErrorRate, Scrape: 15 * time.Second, Rule: Sustained{
		Relative: .1, Absolute: .001, Window: time.Minute, For: 5 * time.Minute, MinRequests: 100,
	}}
	base := Baseline{Step: 15 * time.Second, Counts: Counts{N: 240_000, K: 2_400}}
	for range 240 {
		base.Ticks = append(base.Ticks, Counts{N: 1000, K: 10})
	}
	rules, at := Rules{Signals: []Signal{sig}}, time.Unix(0, 0)
	var st State
	proven := false
	for range 240 {
		var k uint64
		for range requests {
			if rnd.Float64() < ratio {
				k++
			}
		}
		tick := Tick{From: at, At: at.Add(15 * time.Second), Signals: map[string]Measurement{
			"errors": {Samples: 4, Pods: map[string]Counts{"a": {N: requests, K: k}}},
		}}
		var j Judgement
		st, j = Step(rules, map[string]Baseline{"errors": base}, st, tick)
		proven, at = proven || j.ProvenHealthy, tick.At
	}
	return proven
}
