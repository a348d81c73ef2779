package analyzer

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

// scenario is a history of ticks of 15 seconds, one line for each verdict: ticks, an arrow, the verdict that each of
// these ticks must give, and after the last of them, if written, for how long the breach is held.
//
//	100/5      100 requests, of which 5 failed
//	100/5*20   twenty such ticks
//	W100/5     the same, with a warning
//	_          no sample
//	E          Prometheus gave no usable answer
//	G          samples came back after a gap, and nothing can be counted from them yet
type scenario struct {
	name  string
	rule  func(*Sustained)
	ticks string
	// baseline is 50 failures of 10,000 where nothing else is said.
	baseline   Counts
	noBaseline bool
}

// play steps through a scenario line by line.
func play(t *testing.T, sig Signal, c scenario) {
	base := Baseline{Counts: c.baseline}
	if c.baseline == (Counts{}) && !c.noBaseline {
		base.Counts = Counts{N: 10_000, K: 50}
	}
	var st SustainedState
	var a Assessment
	var at time.Duration
	for line := range strings.Lines(strings.TrimSpace(c.ticks)) {
		ticks, want, _ := strings.Cut(strings.TrimSpace(line), "->")
		verdict, held, _ := strings.Cut(strings.TrimSpace(want), " ")
		for _, m := range parseTicks(t, ticks) {
			st, a = stepSustained(sig, base, st, tickAt(&at, m))
			if string(a.Verdict) != verdict {
				t.Fatalf("%s: after %v it is %s: %s", line, at, a.Verdict, a.Reason)
			}
		}
		if a.Value > 1 || a.Baseline > 1 {
			t.Fatalf("%s: a fraction of %v, a baseline of %v", line, a.Value, a.Baseline)
		}
		if got := time.Duration(a.Held * float64(time.Second)); held != "" && got.String() != held {
			t.Fatalf("%s: held for %v", line, got)
		}
	}
}

func tickAt(at *time.Duration, m Measurement) Tick {
	from := second(0).Add(*at)
	*at += 15 * time.Second
	return Tick{From: from, At: from.Add(15 * time.Second), Signals: map[string]Measurement{"errors": m}}
}

// parseTicks reads the left side of a scenario's line.
func parseTicks(t *testing.T, line string) []Measurement {
	t.Helper()
	var out []Measurement
	for _, field := range strings.Fields(line) {
		tick, times, repeated := strings.Cut(field, "*")
		n := 1
		if repeated {
			var err error
			if n, err = strconv.Atoi(times); err != nil {
				t.Fatal(err)
			}
		}
		for range n {
			out = append(out, parseTick(t, tick))
		}
	}
	return out
}

func parseTick(t *testing.T, tick string) Measurement {
	t.Helper()
	switch tick {
	case "_":
		return Measurement{}
	case "E":
		return Measurement{Error: "refused"}
	case "G":
		return Measurement{Samples: 1, Gap: true, Pods: map[string]Counts{"a": {}}}
	}
	var m Measurement
	if rest, ok := strings.CutPrefix(tick, "W"); ok {
		m.Warnings, tick = []string{"a store is missing"}, rest
	}
	var c Counts
	if _, err := fmt.Sscanf(tick, "%d/%d", &c.N, &c.K); err != nil {
		t.Fatalf("tick %q: %v", tick, err)
	}
	// Two pods share the counts, and only their sum matters.
	m.Samples, m.Pods = 2, map[string]Counts{"a": {N: c.N / 2, K: c.K / 2}, "b": {N: c.N - c.N/2, K: c.K - c.K/2}}
	return m
}
