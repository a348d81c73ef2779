package main

import (
	"encoding/xml"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/analyzer"
)

// small is enough of everything to find a method that is plainly wrong.
func small() size {
	return size{grid: 5, boundary: 40, mutants: 5, races: 3, blips: 60, watch: 15 * time.Minute, boundaryWatch: 15 * time.Minute, budget: time.Hour}
}

// A short version of the whole proof: no cell rolls back more than alpha allows, and the page can be written.
func TestProofInShort(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := measure(small(), io.Discard)
	for _, f := range slices.Concat(m.Grid, m.Boundary) {
		require.True(t, f.within(), "%+v", f)
	}
	blips := 0
	for _, b := range m.Blips {
		if b.Lasts == 10*time.Second {
			blips += b.Acted
		}
	}
	require.Less(t, blips, 3, "of 1,200 healthy releases that fail for ten seconds, all but a few are left alone")
	for _, d := range m.Table {
		require.Positive(t, d.Median[0], "%+v is not found", d)
	}
	require.NoError(t, write(dir, m))
	text, err := os.ReadFile(filepath.Join(dir, "judging.md"))
	require.NoError(t, err)
	require.NotContains(t, string(text), "<no value>")

	for _, name := range []string{"false.svg", "delays.svg", "comparison.svg"} {
		svg, err := os.ReadFile(filepath.Join(dir, "judging", name))
		require.NoError(t, err)
		require.NoError(t, xml.Unmarshal(svg, new(struct{})), name)
		require.NotContains(t, string(svg), "NaN", name)
	}
}

// The page that is committed is the one that its numbers give: nobody edits what was measured, or forgets to render it.
func TestThePageIsWhatWasMeasured(t *testing.T) {
	numbers, err := os.ReadFile("../../docs/judging/measured.json")
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "judging"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "judging", "measured.json"), numbers, 0o600))
	require.NoError(t, run(dir, parts{render: true}, size{}, io.Discard))
	for _, name := range []string{"judging.md", "judging/false.svg", "judging/delays.svg", "judging/comparison.svg"} {
		want, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		have, err := os.ReadFile(filepath.Join("../../docs", name))
		require.NoError(t, err)
		require.Equal(t, string(want), string(have), "%s: go run ./test/proof -render", name)
	}
}

// A spoilt method fails the very test that the sound one passes. That the baseline's bound is missed shows in few runs only
// where the baseline is short.
func TestSpoiltMethodsAreCaught(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mutant  mutant
		history time.Duration
	}{{noScatter, time.Hour}, {noBound, 10 * time.Minute}} {
		for _, mutant := range []mutant{sound, c.mutant} {
			s := cell{service: errorService(100, 0.001, 0), ratio: 1.1, alpha: 0.001, watch: time.Hour, mutant: mutant, runs: 100}
			s.burst, s.history = 5, c.history
			study([][]*job{{s.job(1)}}, time.Hour, io.Discard)
			within := lowerBound(s.acted(), s.runs, 0.001) <= s.alpha
			require.Equal(t, mutant == sound, within, "%q: %d of %d", mutant, s.acted(), s.runs)
		}
	}
}

// What comes out depends on the seeds alone.
func TestTheSameSeedsGiveTheSameNumbers(t *testing.T) {
	t.Parallel()
	var first []outcome
	for range 2 {
		c := cell{service: errorService(100, 0.001, 0), ratio: 1.1, alpha: 0.05, watch: 10 * time.Minute, mutant: noScatter, runs: 600}
		c.burst = 3
		study([][]*job{{c.job(7)}}, time.Hour, io.Discard)
		if first != nil {
			require.Equal(t, first, c.outcomes)
		}
		first = c.outcomes
	}
}

func TestLowerBound(t *testing.T) {
	for _, c := range []struct {
		k, n        int
		error, want float64
	}{
		{0, 100, 0.001, 0},
		{1, 100, 0.05, 1 - math.Pow(0.95, 0.01)}, // one or more with probability 1 - (1-p)^n
		{100, 100, 0.05, math.Pow(0.05, 0.01)},   // all with probability p^n
		{600, 10_000, 0.001, 0.0529},
	} {
		require.InDelta(t, c.want, lowerBound(c.k, c.n, c.error), 2e-4, "%d of %d", c.k, c.n)
	}
}

// The rivals find what they are made for, when they are made for it, and leave alone what does not change.
func TestRivals(t *testing.T) {
	for _, c := range []struct {
		name    string
		becomes uint64
		want    []int16
	}{
		{"nothing changes", 1, []int16{0, 0, 0, 0}},
		{"fifty times as many fail", 50, []int16{21, 120, 20, 66}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := history{ticks: make([]pair, 240)}
			for range 240 {
				h.baseline.Ticks = append(h.baseline.Ticks, analyzer.Counts{N: 1000, K: 1})
			}
			h.baseline.Counts = sum(h.baseline.Ticks)
			for i := range h.ticks {
				h.ticks[i].release = analyzer.Counts{N: 1000, K: c.becomes}
			}
			var got []int16
			for _, r := range rivals() {
				got = append(got, r.find(nil, h))
			}
			require.Equal(t, c.want, got)
		})
	}
}

func TestDelaysAreWrittenAsPeopleSayThem(t *testing.T) {
	for seconds, want := range map[int]string{-1: "not within the hour", 45: "45 s", 180: "3 min", 210: "3 min 30 s", 3600: "1 h 0 min"} {
		require.Equal(t, want, inWords(seconds))
	}
	for fraction, want := range map[float64]string{0: "0 %", 0.05: "5 %", 0.0123: "1.23 %", 0.00001: "0.001 %"} {
		require.Equal(t, want, percent(fraction))
	}
	require.True(t, strings.HasPrefix(minutes(90*time.Second), "1.5"))
}
