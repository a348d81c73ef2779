package main

import (
	"math/rand/v2"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
)

// blip is a healthy release that for a short time, some minutes after it began, fails most of its requests, and never again.
type blip struct {
	service
	lasts time.Duration
	runs  int

	acted []bool
	plan  *plan
}

const (
	// blipFails is the part of the requests that fail during a blip.
	blipFails = 0.8
	// blipWatch is how long the release is watched, and blipFrom and blipUntil say between which of its ticks the blip begins.
	blipWatch = 30 * time.Minute
	blipFrom  = 10
	blipUntil = 70
)

func blips(runs int) (out []*blip) {
	for _, lasts := range []time.Duration{10 * time.Second, 30 * time.Second} {
		for _, beside := range []float64{0, 0.5} {
			for _, rate := range []float64{1, 2, 5, 10, 50} {
				for _, bad := range []float64{0.001, 0.01} {
					out = append(out, &blip{service: errorService(rate, bad, beside), lasts: lasts, runs: runs})
				}
			}
		}
	}
	return out
}

func (b *blip) job(seed uint64) *job {
	b.plan = newPlan(b.service, policy(b.kind, analyzer.DefaultAlpha, 0.001), blipWatch, blipWatch, b.bad, b.bad)
	b.acted = make([]bool, b.runs)
	return &job{runs: b.runs, ticks: b.plan.ticks, seed: seed, play: func(run int, rnd *rand.Rand) {
		h := b.plan.draw(rnd)
		b.strike(h.ticks, rnd)
		b.acted[run] = b.plan.judge(h).acted > 0
	}}
}

// strike has the blip begin at any moment of a tick.
func (b *blip) strike(ticks []pair, rnd *rand.Rand) {
	into := time.Duration(rnd.Float64() * float64(interval))
	for i, left := blipFrom+rnd.IntN(blipUntil-blipFrom), b.lasts; left > 0; i, into = i+1, 0 {
		span := min(left, interval-into)
		left -= span
		c := &ticks[i].release
		for range c.N - c.K {
			if rnd.Float64() < blipFails*float64(span)/float64(interval) {
				c.K++
			}
		}
	}
}

// actedOn is how many releases of one kind were rolled back for a blip.
type actedOn struct {
	Rate   float64       `json:"requestsPerSecond"`
	Bad    float64       `json:"bad"`
	Beside float64       `json:"beside"`
	Lasts  time.Duration `json:"lasts"`
	Runs   int           `json:"runs"`
	Acted  int           `json:"acted"`
}

func struck(all []*blip) (out []actedOn) {
	for _, b := range all {
		a := actedOn{Rate: b.rate, Bad: b.bad, Beside: b.beside, Lasts: b.lasts, Runs: b.runs}
		for _, acted := range b.acted {
			if acted {
				a.Acted++
			}
		}
		out = append(out, a)
	}
	return out
}

// BlipRow is one row of the table of blips: what came of both lengths at one rate, compared with the baseline and with the old version.
type BlipRow struct {
	Rate float64
	// Cells are fractions: ten seconds with the baseline, with the old version, thirty seconds with either.
	Cells []float64
}

// BlipTable returns the share of releases that were rolled back for a blip, over all fractions that fail otherwise.
func (m measured) BlipTable() (rows []BlipRow) {
	for _, rate := range []float64{1, 2, 5, 10, 50} {
		row := BlipRow{Rate: rate}
		for _, lasts := range []time.Duration{10 * time.Second, 30 * time.Second} {
			for _, beside := range []float64{0, 0.5} {
				runs, acted := 0, 0
				for _, b := range m.Blips {
					if b.Rate == rate && b.Lasts == lasts && b.Beside == beside {
						runs, acted = runs+b.Runs, acted+b.Acted
					}
				}
				row.Cells = append(row.Cells, float64(acted)/float64(max(1, runs)))
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// BlipRuns is how many releases stand behind one number of the table.
func (m measured) BlipRuns() (n int) {
	for _, b := range m.Blips {
		n += b.Runs
	}
	return n / max(1, 4*len(m.BlipTable()))
}
