package analyzer

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Whatever is said of others, a release is never acted on that would not have been without a guard, never earlier, and never
// on more evidence. Everything is drawn at random: releases, outages, old versions, answers and what they say.
func TestLookingAroundOnlyEverHoldsBack(t *testing.T) {
	held, acted := 0, 0
	for seed := range uint64(120) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		latency := Signal{Name: "latency", Kind: KindLatency, Scrape: 5 * time.Second, Rule: rule, Objective: Objective{Quantile: .95, SLO: time.Second, Unit: time.Second}}
		r := guarded(errorSignal(), latency)
		r.Signals[0].Rule.For = time.Duration(rnd.IntN(60)) * time.Second
		r.Signals[1].Strict = rnd.IntN(4) == 0
		plain := r
		plain.Guarded = false
		baselines := map[string]Baseline{"errors": quietBaseline(), "latency": quietBaseline()}
		var with, without State
		var mode float64
		for i := range 60 {
			if rnd.IntN(6) == 0 {
				mode = []float64{0, 0, .004, .05, .5}[rnd.IntN(5)]
			}
			tick := randomTick(rnd, i, mode)
			var guardedJ, plainJ Judgement
			with, guardedJ = Step(r, baselines, with, tick)
			without, plainJ = Step(plain, baselines, without, tick)
			name := fmt.Sprintf("seed %d, tick %d: %s", seed, i, guardedJ.Reason)
			require.LessOrEqual(t, guardedJ.Evidence, plainJ.Evidence*(1+1e-9), name)
			if guardedJ.Verdict == Regressed {
				require.Equal(t, Regressed, plainJ.Verdict, name)
				require.True(t, guardedJ.Unproven || !plainJ.Unproven, name)
				acted++
			} else if plainJ.Verdict == Regressed {
				held++
			}
		}
	}
	require.Greater(t, held, 200, "the histories hold claims to turn away")
	require.Greater(t, acted, 200, "and such that stand")
}

func randomTick(rnd *rand.Rand, i int, mode float64) Tick {
	counts := func(n int, bad float64) Counts {
		c := Counts{N: uint64(rnd.IntN(n) + 1)}
		for range c.N {
			if rnd.Float64() < bad {
				c.K++
			}
		}
		return c
	}
	from := second(5 * i)
	t := Tick{From: from, At: from.Add(5 * time.Second), Signals: map[string]Measurement{}, Around: map[string]Around{}}
	for _, name := range []string{"errors", "latency"} {
		m := Measurement{Samples: 1, Pods: map[string]Counts{"a": counts(200, mode), "b": counts(200, mode), "c": counts(200, mode)}}
		if rnd.IntN(20) == 0 {
			m = Measurement{}
		}
		if rnd.IntN(4) == 0 {
			m.Control = counts(200, mode*float64(rnd.IntN(2)))
		}
		t.Signals[name] = m
		if rnd.IntN(10) == 0 {
			continue
		}
		a := Around{Error: []string{"", "", "", "no answer"}[rnd.IntN(4)]}
		for p := range rnd.IntN(5) {
			a.Peers = append(a.Peers, Peer{Workload: fmt.Sprint("p", p), Elsewhere: rnd.IntN(2) == 0, Change: Change{Before: counts(900, .002), During: counts(900, mode*float64(rnd.IntN(2)))}})
		}
		if rnd.IntN(3) == 0 {
			a.Callees = append(a.Callees, Callee{Workload: "pay", Own: Change{Before: counts(900, .002), During: counts(900, mode)}, Others: Change{Before: counts(900, .002), During: counts(900, mode*float64(rnd.IntN(2)))}})
		}
		t.Around[name] = a
	}
	return t
}
