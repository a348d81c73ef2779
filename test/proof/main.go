// Command proof measures how often the analyzer rolls healthy releases back, how soon it finds bad ones, and how other methods
// do on the same traffic, by judging many simulated releases with the daemon's own function. It writes what it measured and
// docs/judging.md, with its plots. The same seeds give the same numbers.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"time"
)

func main() {
	docs := flag.String("docs", "docs", "the `directory` of judging.md")
	var do parts
	flag.BoolVar(&do.render, "render", false, "measure nothing; write judging.md and its plots from the numbers that are there")
	flag.BoolVar(&do.recorded, "recorded", false, "judge placebos on the recorded traffic only, and keep all other numbers")
	size := fullSize()
	flag.IntVar(&size.grid, "grid", size.grid, "`runs` of each cell of the grid")
	flag.IntVar(&size.boundary, "boundary", size.boundary, "`runs` of each of the twelve cells at the default alpha")
	flag.IntVar(&size.races, "races", size.races, "`runs` of each kind of bad release")
	flag.IntVar(&size.blips, "blips", size.blips, "`runs` of each kind of short fault")
	flag.IntVar(&size.mutants, "mutants", size.mutants, "`runs` of each cell of the mutants")
	flag.DurationVar(&size.watch, "watch", size.watch, "how `long` the releases of the grid are watched")
	flag.DurationVar(&size.boundaryWatch, "boundary-watch", size.boundaryWatch, "how `long` those at the default alpha are watched")
	flag.DurationVar(&size.budget, "budget", size.budget, "how `long` it may take; what is not done by then is left out, the twelve cells first")
	flag.Parse()
	if err := run(*docs, do, size, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "proof:", err)
		os.Exit(1)
	}
}

// heap is how much memory the garbage of the runs may take before it is collected, in bytes.
const heap = 512 << 20

// parts say what is measured: everything, or less.
type parts struct{ render, recorded bool }

func run(docs string, do parts, size size, progress io.Writer) error {
	file := filepath.Join(docs, "judging", "measured.json")
	var m measured
	if do.render || do.recorded {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(text, &m); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	} else {
		debug.SetGCPercent(-1)
		debug.SetMemoryLimit(heap)
		m = measure(size, progress)
	}
	if !do.render {
		var err error
		if m.Recorded, err = measureRecorded(context.Background(), traffic, placebosEach); err != nil {
			return err
		}
		text, err := json.MarshalIndent(m, "", " ")
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, append(text, '\n'), 0o644); err != nil {
			return err
		}
	}
	if err := write(docs, m); err != nil {
		return err
	}
	return m.verdict()
}

// size is how much is measured.
type size struct {
	grid, boundary, mutants, races, blips int
	watch, boundaryWatch, budget          time.Duration
}

func fullSize() size {
	return size{grid: 10_000, boundary: 200_000, mutants: 4000, races: 1000, blips: 1000, watch: time.Hour, boundaryWatch: time.Hour, budget: 58 * time.Minute}
}

// measure does everything, the cheap first.
func measure(size size, progress io.Writer) measured {
	began := time.Now()
	table, curve, calm := tableRows(size.races), curves(size.races), healthy(size.races)
	short := blips(size.blips)
	spoilt, edge, all := mutants(size.mutants), boundary(size.boundary, size.boundaryWatch), grid(size.grid, size.watch)
	var races, rates, edges []*job
	seed := uint64(0)
	next := func() uint64 { seed++; return seed }
	for _, r := range slices.Concat(table, curve, calm) {
		races = append(races, r.job(next()))
	}
	for _, c := range slices.Concat(spoilt, all) {
		rates = append(rates, c.job(next()))
	}
	for _, b := range short {
		races = append(races, b.job(next()))
	}
	for _, c := range edge {
		edges = append(edges, c.job(next()))
	}
	study([][]*job{races, rates, edges}, size.budget, progress)
	m := measured{
		Grid: told(all), Boundary: told(edge), Mutants: told(spoilt),
		Table: ran(table), Curves: ran(curve), Healthy: alarms(calm), Blips: struck(short),
		Watch: size.watch, BoundaryWatch: size.boundaryWatch, Took: time.Since(began).Round(time.Second),
	}
	for _, j := range slices.Concat(races, rates, edges) {
		m.Ticks += int64(j.done) * int64(j.ticks)
	}
	return m
}
