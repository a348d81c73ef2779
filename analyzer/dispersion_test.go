package analyzer

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ticksOf is a baseline of 240 ticks of 15 requests each, into which the failures are put one after another.
func ticksOf(failures ...uint64) Baseline {
	b := Baseline{Step: 15 * time.Second, Ticks: slices.Repeat([]Counts{{N: 15}}, 240)}
	for i, k := range failures {
		b.Ticks[i*7].K = k
	}
	b.Counts = sumOf(b.Ticks)
	return b
}

func TestDispersion(t *testing.T) {
	for _, c := range []struct {
		name     string
		baseline Baseline
		low, up  float64
	}{
		{"no ticks to tell", Baseline{Counts: Counts{N: 4000, K: 40}}, unknownDispersion, unknownDispersion},
		{"no failures", ticksOf(), 1, 1},
		{"one by one", ticksOf(slices.Repeat([]uint64{1}, 34)...), 1, 1},
		{"ten at a time", ticksOf(10, 10, 10, 10), 8, 25},
	} {
		t.Run(c.name, func(t *testing.T) {
			phi := c.baseline.Dispersion()
			require.GreaterOrEqual(t, phi, c.low)
			require.LessOrEqual(t, phi, c.up)
		})
	}
}

// Whether failures come in bursts shows only where enough ticks had any.
func TestScarce(t *testing.T) {
	for _, c := range []struct {
		name     string
		baseline Baseline
		scarce   bool
		fraction float64
	}{
		{"none", ticksOf(), true, 2.3 / 3600},
		{"four bursts are four, however large", ticksOf(10, 10, 10, 10), true, 8 / 3600.0},
		{"four failures", ticksOf(1, 1, 1, 1), true, 8 / 3600.0},
		{"thirty", ticksOf(slices.Repeat([]uint64{1}, 30)...), false, 0},
		{"most of a few ticks", Baseline{Ticks: slices.Repeat([]Counts{{N: 15, K: 1}}, 20)}, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			fraction, scarce := c.baseline.scarce()
			require.Equal(t, c.scarce, scarce)
			require.InDelta(t, c.fraction, fraction, 0.02*c.fraction)
		})
	}
}

// Three bursts within two minutes look like a release that fails a fifth of its requests, and a baseline of a few failures
// cannot tell that they are not. As many failures that are spread over the ticks are proof.
func TestAFewBurstsAreNoProofAgainstASmallBaseline(t *testing.T) {
	for _, c := range []struct {
		name   string
		failed []uint64
		proven bool
	}{
		{"bursts", []uint64{9, 0, 0, 8, 0, 0, 10, 0}, false},
		{"spread", []uint64{4, 3, 5, 4, 6, 4, 5, 5}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			rules := Rules{Signals: []Signal{{Name: "errors", Kind: KindErrorRate, Scrape: scrape, Rule: rule}}}
			var st State
			var j Judgement
			var at time.Duration
			for _, k := range c.failed {
				m := Measurement{Samples: 1, Pods: map[string]Counts{"a": {N: 15, K: k}}}
				st, j = Step(rules, map[string]Baseline{"errors": ticksOf(1, 1, 1)}, st, tickAt(&at, m))
			}
			require.Equal(t, c.proven, j.Verdict == Regressed, "evidence %g: %s", j.Evidence, j.Reason)
		})
	}
}

// However short a baseline was, three ticks prove a release that is plainly bad.
func TestThreeTicksProveAPlainlyBadRelease(t *testing.T) {
	few := make([]uint64, 29)
	for i := range few {
		few[i] = 1
	}
	for _, c := range []struct {
		name     string
		baseline Baseline
		control  Counts
	}{
		{"none failed in an hour", ticksOf(), Counts{}},
		{"nearly enough did to see their scatter", ticksOf(few...), Counts{}},
		{"a minute without failures", Baseline{Step: 15 * time.Second, Ticks: slices.Repeat([]Counts{{N: 150}}, 4), Counts: Counts{N: 600}}, Counts{}},
		{"no requests, but the old version beside it", Baseline{Step: 15 * time.Second, Ticks: make([]Counts, 240)}, Counts{N: 150}},
	} {
		t.Run(c.name, func(t *testing.T) {
			rules := Rules{Signals: []Signal{{Name: "errors", Kind: KindErrorRate, Scrape: scrape, Rule: rule}}}
			var st State
			var j Judgement
			var at time.Duration
			for range 3 {
				m := Measurement{Samples: 1, Pods: map[string]Counts{"a": {N: 150, K: 60}}, Control: c.control}
				st, j = Step(rules, map[string]Baseline{"errors": c.baseline}, st, tickAt(&at, m))
			}
			require.Equal(t, Regressed, j.Verdict, "evidence %g: %s", j.Evidence, j.Reason)
			require.False(t, j.Unproven)
		})
	}
}
