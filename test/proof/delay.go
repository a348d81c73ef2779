package main

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
)

// race is one kind of bad release, which all methods look for; with becomes equal to bad it is a healthy one.
type race struct {
	service
	becomes float64
	onset   time.Duration
	// asked is the median in seconds of detector.md's table in 3b, 0 where it has none.
	asked int
	runs  int

	// found are the ticks in which each method found it, rollbackd first, then the rivals in their order.
	found [][]int16
	plan  *plan
}

func (r *race) job(seed uint64) *job {
	r.plan = newPlan(r.service, policy(r.kind, analyzer.DefaultAlpha, 0.001), time.Hour+r.onset, r.onset, r.bad, r.becomes)
	all := rivals()
	r.found = make([][]int16, 1+len(all))
	for i := range r.found {
		r.found[i] = make([]int16, r.runs)
	}
	return &job{runs: r.runs, ticks: r.plan.ticks, seed: seed, play: func(run int, rnd *rand.Rand) {
		h := r.plan.draw(rnd)
		r.found[0][run] = r.plan.judge(h).acted
		for i, rival := range all {
			r.found[i+1][run] = rival.find(r.plan, h)
		}
	}}
}

// missed is the delay of what is never found.
const missed = -1

// delay returns a quantile of the seconds from the onset until a method found the release bad. Found before the onset counts
// as found at once.
func (r *race) delay(method int, quantile float64) int {
	delays := make([]int, 0, r.runs)
	for _, tick := range r.found[method] {
		delay := math.MaxInt
		if tick > 0 {
			delay = max(0, int(tick)-r.plan.onset) * int(interval.Seconds())
		}
		delays = append(delays, delay)
	}
	slices.Sort(delays)
	at := delays[min(len(delays)-1, int(quantile*float64(len(delays))))]
	if at == math.MaxInt {
		return missed
	}
	return at
}

// share is the fraction of the releases that a method found bad at any time.
func (r *race) share(method int) float64 {
	n := 0
	for _, tick := range r.found[method] {
		if tick > 0 {
			n++
		}
	}
	return float64(n) / float64(r.runs)
}

func errorService(rate, bad, beside float64) service {
	return service{rate: rate, bad: bad, burst: 1, beside: beside, kind: analyzer.KindErrorRate, history: time.Hour}
}

func latencyService(rate, bad float64) service {
	return service{rate: rate, bad: bad, burst: 1, kind: analyzer.KindLatency, history: time.Hour}
}

// tableRows are the rows of detector.md's table. Those against a limit of 0.5 % are of a service whose measured baseline of
// 0.1 % comes to about that.
func tableRows(runs int) []*race {
	two := func(rate, becomes float64, asked int) *race {
		return &race{service: errorService(rate, 0.01, 0.5), becomes: becomes, asked: asked, runs: runs}
	}
	one := func(rate, becomes float64, asked int) *race {
		return &race{service: errorService(rate, 0.001, 0), becomes: becomes, asked: asked, runs: runs}
	}
	slow := func(rate, becomes float64, asked int) *race {
		return &race{service: latencyService(rate, 0.03), becomes: becomes, asked: asked, runs: runs}
	}
	return []*race{
		two(1, 0.05, 1140), two(1, 0.2, 150), two(1, 0.5, 60),
		two(10, 0.05, 135), two(10, 0.2, 45), two(10, 0.5, 45),
		two(100, 0.05, 45), two(100, 0.2, 45), two(100, 0.5, 45),
		one(1, 0.05, 135), one(1, 0.2, 45), one(10, 0.02, 75), one(10, 0.05, 45),
		slow(10, 0.08, 120), slow(10, 0.1, 45), slow(10, 0.2, 45),
	}
}

// curves are effects from small to large on small and large services, from the start and from minute 10 on.
func curves(runs int) (races []*race) {
	for _, onset := range []time.Duration{0, 10 * time.Minute} {
		for _, beside := range []float64{0.5, 0} {
			for _, rate := range []float64{1, 10, 100} {
				for _, becomes := range []float64{0.02, 0.05, 0.1, 0.2, 0.5} {
					races = append(races, &race{service: errorService(rate, 0.01, beside), becomes: becomes, onset: onset, runs: runs})
				}
			}
		}
		for _, rate := range []float64{1, 10, 100} {
			for _, becomes := range []float64{0.08, 0.1, 0.2} {
				races = append(races, &race{service: latencyService(rate, 0.05), becomes: becomes, onset: onset, runs: runs})
			}
		}
	}
	return races
}

// healthy are releases that change nothing, for the false alarms of each method.
func healthy(runs int) (races []*race) {
	for _, beside := range []float64{0.5, 0} {
		for _, rate := range []float64{1, 10, 100} {
			for _, burst := range []float64{1, 5} {
				s := errorService(rate, 0.01, beside)
				s.burst = burst
				races = append(races, &race{service: s, becomes: s.bad, runs: runs})
			}
		}
	}
	return races
}
