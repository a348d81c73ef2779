package analyzer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// wave is how many times more often than usual requests fail in a tick.
type wave func(pod, tick int) float64

// podsOf draws an hour of pods of which each answers 300 requests a tick, one in a hundred wrongly, times what the wave says.
func podsOf(rnd *rand.Rand, pods, ticks int, burst float64, w wave) []map[string]Counts {
	c := cell{burst: burst}
	out := make([]map[string]Counts, ticks)
	for tick := range out {
		out[tick] = map[string]Counts{}
		for pod := range pods {
			out[tick][fmt.Sprint(pod)] = c.counts(rnd, 300, min(1, 0.01*w(pod, tick)))
		}
	}
	return out
}

func level(int, int) float64 { return 1 }

// wandering is a wave that comes and goes for minutes, each pod's its own or the same for all.
func wandering(rnd *rand.Rand, own bool) wave {
	phases := [3]float64{rnd.Float64() * 6, rnd.Float64() * 6, rnd.Float64() * 6}
	return func(pod, tick int) float64 {
		x := float64(tick)
		if own {
			x += 1000 * float64(pod+1)
		}
		return math.Exp(0.5*(math.Sin(x/9+phases[0])+math.Sin(x/14+phases[1])+math.Sin(x/23+phases[2])) - 0.2)
	}
}

func TestHowFarPodsAreApart(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for _, c := range []struct {
		name    string
		ticks   []map[string]Counts
		low, up float64
	}{
		{"alike", podsOf(rnd, 4, 240, 1, level), 0.9, 1.8},
		{"alike, whatever comes and goes", podsOf(rnd, 4, 240, 1, wandering(rnd, false)), 0.9, 1.8},
		{"in bursts of its own each", podsOf(rnd, 4, 240, 10, level), 12, 40},
		{"each with ups and downs of its own", podsOf(rnd, 4, 240, 1, wandering(rnd, true)), 10, 200},
		{"one of them always worse", podsOf(rnd, 4, 240, 1, func(pod, _ int) float64 { return 1 + float64(pod/3) }), 5, 50},
		{"one alone", podsOf(rnd, 1, 240, 1, level), 0, 0},
		{"too short a time", podsOf(rnd, 4, 20, 1, level), 0, 0},
		{"no failures", podsOf(rnd, 4, 240, 1, func(int, int) float64 { return 0 }), 0, 0},
	} {
		got := apart(c.ticks)
		require.GreaterOrEqual(t, got, c.low, c.name)
		require.LessOrEqual(t, got, c.up, c.name)
	}
}

// besideOld plays an hour of a release of two pods beside two of the old version, which fails times as often, and returns after how many
// ticks it was acted on, 0 if it never was.
func besideOld(rnd *rand.Rand, alpha float64, own bool, times float64) int {
	w := wandering(rnd, own)
	rules := Rules{Alpha: alpha, Signals: []Signal{{Name: "errors", Kind: KindErrorRate, Scrape: simulatedTick, Rule: Sustained{
		Relative: 0.10, Absolute: 0.001, Window: time.Minute, For: 5 * time.Minute, MinRequests: 100,
	}}}}
	before := podsOf(rnd, 4, 240, 1, w)
	base := Baseline{Signal: "errors", Step: simulatedTick, Apart: apart(before)}
	for _, tick := range before {
		all := Measurement{Pods: tick}.Total()
		base.Ticks, base.Counts = append(base.Ticks, all), base.Counts.Plus(all)
	}
	during := podsOf(rnd, 4, 240, 1, func(pod, tick int) float64 {
		if pod < 2 {
			return times * w(pod, 240+tick)
		}
		return w(pod, 240+tick)
	})
	var st State
	var j Judgement
	var at time.Duration
	for tick, pods := range during {
		m := Measurement{Samples: 1, Pods: map[string]Counts{"0": pods["0"], "1": pods["1"]}, Control: pods["2"].Plus(pods["3"])}
		if st, j = Step(rules, map[string]Baseline{"errors": base}, st, tickAt(&at, m)); j.Verdict == Regressed && !j.Unproven {
			return tick + 1
		}
	}
	return 0
}

// What strikes both versions alike does not hide that one of them is worse.
func TestWhatPodsShareHidesNoBadRelease(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 8))
	for range 20 {
		found := besideOld(rnd, DefaultAlpha, false, 5)
		require.Positive(t, found)
		require.LessOrEqual(t, found, 20)
	}
}

// Pods with ups and downs of their own are no proof against a release. With 200 runs a rate of alpha gives 10, and more than 21 with
// probability 0.001.
func TestPodsThatDifferAreNoBadRelease(t *testing.T) {
	for _, own := range []bool{false, true} {
		rnd := rand.New(rand.NewPCG(9, 10))
		acted := 0
		for range 200 {
			if besideOld(rnd, 0.05, own, 1) > 0 {
				acted++
			}
		}
		require.LessOrEqual(t, acted, 21, "each its own: %t", own)
	}
}
