package main

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
)

// mutant is a way to spoil the method, by what it is told of the baseline. The proof is worth something only if it finds that
// a spoilt method rolls back too many healthy releases.
type mutant string

const (
	sound mutant = ""
	// noScatter makes the baseline's failures come one by one, as if their scatter had been taken to be 1.
	noScatter mutant = "scatter taken to be 1"
	// noBound makes the baseline as certain as if it had been measured for years: its bound is then its point estimate.
	noBound mutant = "the baseline's estimate in place of its upper bound"
)

// cell is one kind of service and of healthy release, and what became of many of them.
type cell struct {
	service
	// ratio is how many times as often as the old version the release fails, which the policy allows up to 1.1.
	ratio  float64
	alpha  float64
	watch  time.Duration
	mutant mutant
	runs   int

	outcomes []outcome
	work     *job
}

func (c *cell) job(seed uint64) *job {
	c.outcomes = make([]outcome, c.runs)
	// No absolute allowance, so that a ratio of 1.1 is the very boundary of what is healthy.
	p := newPlan(c.service, policy(c.kind, c.alpha, 0), c.watch, 0, c.bad*c.ratio, c.bad*c.ratio)
	c.work = &job{runs: c.runs, ticks: p.ticks, seed: seed, play: func(run int, rnd *rand.Rand) {
		h := p.draw(rnd)
		h.baseline = c.mutant.spoil(h.baseline)
		c.outcomes[run] = p.judge(h)
	}}
	return c.work
}

func (m mutant) spoil(b analyzer.Baseline) analyzer.Baseline {
	switch m {
	case noScatter:
		before := uint64(0)
		for i := range b.Ticks {
			upTo := uint64(math.Round(float64(b.Counts.K) * float64(i+1) / float64(len(b.Ticks))))
			b.Ticks[i] = analyzer.Counts{N: b.Counts.N / uint64(len(b.Ticks)), K: upTo - before}
			before = upTo
		}
	case noBound:
		const years = 100_000
		b.Counts.N, b.Counts.K = b.Counts.N*years, b.Counts.K*years
	}
	return b
}

func (c *cell) acted() (n int) {
	for _, o := range c.outcomes {
		if o.acted > 0 {
			n++
		}
	}
	return n
}

// asked is how many releases a person was asked about, though in the end they may have been acted on.
func (c *cell) asked() (n int) {
	for _, o := range c.outcomes {
		if o.asked > 0 {
			n++
		}
	}
	return n
}

// grid is every combination of detector.md's V2.
func grid(runs int, watch time.Duration) (cells []*cell) {
	for _, beside := range []float64{0, 0.5} {
		for _, rate := range []float64{1, 10, 100, 1000} {
			for _, bad := range []float64{0.0005, 0.001, 0.01} {
				for _, burst := range []float64{1, 3, 5, 10} {
					for _, ratio := range []float64{1, 1.1} {
						cells = append(cells, &cell{
							service: service{rate: rate, bad: bad, burst: burst, beside: beside, kind: analyzer.KindErrorRate, history: time.Hour},
							ratio:   ratio, alpha: 0.05, watch: watch, runs: runs,
						})
					}
				}
			}
		}
	}
	return cells
}

// boundary is twelve cells at the default alpha, whose healthy releases fail as often as the policy allows: services small
// and large, failures in bursts and one by one, and those where scarce baselines make it hardest.
func boundary(runs int, watch time.Duration) (cells []*cell) {
	for _, beside := range []float64{0, 0.5} {
		for _, s := range []service{
			{rate: 1, bad: 0.01, burst: 10}, {rate: 10, bad: 0.0005, burst: 5}, {rate: 10, bad: 0.001, burst: 10},
			{rate: 10, bad: 0.01, burst: 1}, {rate: 100, bad: 0.001, burst: 5}, {rate: 1000, bad: 0.01, burst: 3},
		} {
			s.beside, s.kind, s.history = beside, analyzer.KindErrorRate, time.Hour
			cells = append(cells, &cell{service: s, ratio: 1.1, alpha: analyzer.DefaultAlpha, watch: watch, runs: runs})
		}
	}
	return cells
}

// mutants are spoilt methods on some of the grid's cells, at its alpha and at the default one.
func mutants(runs int) (cells []*cell) {
	for _, m := range []mutant{noScatter, noBound} {
		for _, alpha := range []float64{0.05, analyzer.DefaultAlpha} {
			for _, s := range []service{
				{rate: 10, bad: 0.01, burst: 5}, {rate: 100, bad: 0.001, burst: 5}, {rate: 100, bad: 0.01, burst: 10, beside: 0.5},
			} {
				if m == noBound && s.beside > 0 {
					continue // beside the old version the baseline's bound does not matter
				}
				s.kind, s.history = analyzer.KindErrorRate, time.Hour
				cells = append(cells, &cell{service: s, ratio: 1.1, alpha: alpha, watch: time.Hour, mutant: m, runs: runs})
			}
		}
	}
	return cells
}
