package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
)

// measured is everything that a run of the proof found.
type measured struct {
	// Note says how the numbers came about where make proof alone would not have given them; a run leaves it empty.
	Note          string         `json:"note,omitempty"`
	Watch         time.Duration  `json:"watch"`
	BoundaryWatch time.Duration  `json:"boundaryWatch"`
	Ticks         int64          `json:"ticks"`
	Took          time.Duration  `json:"took"`
	Grid          []falseRate    `json:"grid"`
	Boundary      []falseRate    `json:"boundary"`
	Mutants       []falseRate    `json:"mutants"`
	Table         []delayOfRace  `json:"table"`
	Curves        []delayOfRace  `json:"curves"`
	Healthy       []alarmsOfRace `json:"healthy"`
	// Blips are healthy releases that fail for a short time.
	Blips []actedOn `json:"blips"`
	// Recorded is what came of placebos on recorded traffic; nil if they were not judged.
	Recorded *recorded `json:"recorded,omitempty"`
}

// falseRate is how many healthy releases of one cell were rolled back.
type falseRate struct {
	Rate   float64 `json:"requestsPerSecond"`
	Bad    float64 `json:"bad"`
	Burst  float64 `json:"burst"`
	Beside float64 `json:"beside"`
	Ratio  float64 `json:"ratio"`
	Alpha  float64 `json:"alpha"`
	Mutant mutant  `json:"mutant,omitempty"`
	Runs   int     `json:"runs"`
	Acted  int     `json:"acted"`
	Asked  int     `json:"asked"`
	// Lower is the 99.9 % lower bound of the rate.
	Lower float64 `json:"lower"`
}

func (f falseRate) within() bool      { return f.Lower <= f.Alpha }
func (f falseRate) fraction() float64 { return float64(f.Acted) / float64(max(1, f.Runs)) }

func told(cells []*cell) (out []falseRate) {
	for _, c := range cells {
		out = append(out, falseRate{
			Rate: c.rate, Bad: c.bad, Burst: c.burst, Beside: c.beside, Ratio: c.ratio, Alpha: c.alpha, Mutant: c.mutant,
			Runs: c.work.done, Acted: c.acted(), Asked: c.asked(), Lower: lowerBound(c.acted(), c.work.done, 0.001),
		})
	}
	return out
}

// delayOfRace is how long each method took to find one kind of bad release: rollbackd first, then the rivals.
type delayOfRace struct {
	Kind    analyzer.Kind `json:"kind"`
	Rate    float64       `json:"requestsPerSecond"`
	Bad     float64       `json:"bad"`
	Becomes float64       `json:"becomes"`
	Beside  float64       `json:"beside"`
	Onset   time.Duration `json:"onset"`
	// Asked is the median of detector.md's table, in seconds.
	Asked int `json:"asked,omitempty"`
	// Median and Late are the median and the 95th percentile in seconds; -1 is never within the hour.
	Median []int `json:"median"`
	Late   []int `json:"late"`
	Runs   int   `json:"runs"`
}

func ran(races []*race) []delayOfRace {
	var out []delayOfRace
	for _, r := range races {
		d := delayOfRace{Kind: r.kind, Rate: r.rate, Bad: r.bad, Becomes: r.becomes, Beside: r.beside, Onset: r.onset, Asked: r.asked, Runs: r.runs}
		for i := range r.found {
			d.Median, d.Late = append(d.Median, r.delay(i, 0.5)), append(d.Late, r.delay(i, 0.95))
		}
		out = append(out, d)
	}
	return out
}

// alarmsOfRace is the share of releases that change nothing and that each method found bad within the hour.
type alarmsOfRace struct {
	Rate   float64   `json:"requestsPerSecond"`
	Burst  float64   `json:"burst"`
	Beside float64   `json:"beside"`
	Shares []float64 `json:"shares"`
	Runs   int       `json:"runs"`
}

func alarms(races []*race) (out []alarmsOfRace) {
	for _, r := range races {
		a := alarmsOfRace{Rate: r.rate, Burst: r.burst, Beside: r.beside, Runs: r.runs}
		for i := range r.found {
			a.Shares = append(a.Shares, r.share(i))
		}
		out = append(out, a)
	}
	return out
}

// verdict says what of the proof failed.
func (m measured) verdict() error {
	var failed []error
	for _, f := range append(m.Grid[:len(m.Grid):len(m.Grid)], m.Boundary...) {
		if !f.within() {
			failed = append(failed, fmt.Errorf("more healthy releases are rolled back than alpha allows: %+v", f))
		}
	}
	caught := map[mutant]bool{}
	for _, f := range m.Mutants {
		caught[f.Mutant] = caught[f.Mutant] || !f.within()
	}
	for mutant, found := range caught {
		if !found {
			failed = append(failed, fmt.Errorf("the proof does not notice a spoilt method: %s", mutant))
		}
	}
	return errors.Join(failed...)
}
