package analyzer

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLimit(t *testing.T) {
	for _, c := range []struct {
		rule           Sustained
		baseline, want float64
	}{
		{Sustained{Relative: 0.5}, 0.25, 0.375},
		{Sustained{Relative: 0.5, Absolute: 0.25}, 0.25, 0.5},
		{Sustained{Relative: 0.5, Absolute: 0.0625}, 0.25, 0.375},
		{Sustained{Absolute: 0.25}, 0, 0.25},
		{Sustained{Relative: 0.5}, 0, 0},
		{Sustained{}, 0.25, 0.25},
		{Sustained{Relative: 0.5}, 1, 1.5}, // out of reach
	} {
		if got := c.rule.Limit(c.baseline); got != c.want {
			t.Errorf("%+v of %v: %v, want %v", c.rule, c.baseline, got, c.want)
		}
	}
}

// A fraction that stands exactly on the limit is no breach, whichever way its floating-point numbers are rounded; one
// failure more is.
func TestOnTheLimitIsNotOverIt(t *testing.T) {
	for _, n := range []uint64{100, 1000, 2000, 10_000, 1_000_000} {
		for k := uint64(0); k < n/2; k += 10 * max(1, n/10_000) {
			for _, c := range []struct {
				rule Sustained
				at   uint64
			}{
				{Sustained{Relative: 0.1}, k / 10 * 11},
				{Sustained{Relative: 0.5}, k / 10 * 15},
				{Sustained{Absolute: 0.01}, k + n/100},
			} {
				base := float64(k) / float64(n)
				limit := c.rule.Limit(base)
				if over(float64(c.at)/float64(n), limit) {
					t.Fatalf("baseline %d/%d: %d is over the limit of %+v", k, n, c.at, c.rule)
				}
				if !over(float64(c.at+1)/float64(n), limit) {
					t.Fatalf("baseline %d/%d: %d is not over the limit of %+v", k, n, c.at+1, c.rule)
				}
			}
		}
	}
}

func TestAllowanceIsWrittenAsAPersonWould(t *testing.T) {
	for _, c := range []struct {
		rule     Sustained
		baseline float64
		want     string
	}{
		{Sustained{Relative: 0.1}, 0.5, "10 % of it"},
		{Sustained{Relative: 0.07}, 0.5, "7 % of it"}, // 0.07*100 is 7.000000000000001
		{Sustained{Relative: 0.1, Absolute: 0.001}, 0, "0.1 percentage points"},
		{Sustained{Absolute: 0.0007}, 0, "0.07 percentage points"},
		{Sustained{Relative: 0.1, Absolute: 0.05}, 0.5, "10 % of it"},
	} {
		if got := c.rule.allowance(c.baseline); got != c.want {
			t.Errorf("%+v of %v: %q, want %q", c.rule, c.baseline, got, c.want)
		}
	}
}

// The numbers by which a person checks a verdict.
func TestAssessmentExplains(t *testing.T) {
	sig := Signal{Name: "errors", Kind: KindErrorRate, Scrape: scrape, Rule: rule}
	base := Baseline{Counts: Counts{N: 1000, K: 10}}
	var st SustainedState
	var at time.Duration
	var a Assessment
	for range 22 {
		st, a = stepSustained(sig, base, st, tickAt(&at, parseTick(t, "100/5")))
	}
	want := Assessment{
		Signal: "errors", Kind: KindErrorRate, At: second(22 * 15), Verdict: Regressed, Outcome: OutcomeBreach,
		Reason: "5.00 % of requests failed for 5m15s; the limit is 1.10 % (the baseline of 1.00 % plus 10 % of it)",
		Value:  0.05, Counts: Counts{N: 400, K: 20}, Window: 60,
		Baseline: 0.01, BaselineCounts: base.Counts, Limit: rule.Limit(0.01),
		Held: 315, Required: 300, Since: second(15), HeldCounts: Counts{N: 2200, K: 110}, MinRequests: 100,
	}
	if diff := cmp.Diff(want, a); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A gap is measured in time, not in ticks: ticks may be longer or shorter than a scrape.
func TestGapsInTicksOfAnyLength(t *testing.T) {
	for _, c := range []struct {
		name     string
		tick     time.Duration
		m        Measurement
		restarts bool
	}{
		{"two scrapes without data", 30 * time.Second, Measurement{}, false},
		{"a little more", 31 * time.Second, Measurement{}, true},
		{"a long tick at whose end one scrape came back", 45 * time.Second, Measurement{Samples: 1, Gap: true}, false},
		{"a longer one", time.Minute, Measurement{Samples: 1, Gap: true}, true},
		{"one scrape came back, but with a warning", 45 * time.Second, Measurement{Samples: 1, Gap: true, Warnings: []string{"!"}}, true},
		{"a gap of one pod where another was counted", time.Minute, Measurement{Samples: 2, Gap: true, Pods: map[string]Counts{"a": {N: 9, K: 9}}}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			sig := Signal{Name: "errors", Scrape: scrape, Rule: rule}
			base := Baseline{Counts: Counts{N: 1000, K: 10}}
			var st SustainedState
			var at time.Duration
			for range 4 {
				st, _ = stepSustained(sig, base, st, tickAt(&at, parseTick(t, "100/5")))
			}
			from := second(0).Add(at)
			st, _ = stepSustained(sig, base, st, Tick{From: from, At: from.Add(c.tick), Signals: map[string]Measurement{"errors": c.m}})
			if restarted := st.held < 45*time.Second; restarted != c.restarts {
				t.Errorf("held for %v", st.held)
			}
		})
	}
}

// Every state can be kept and folded from again: later steps never reach back into it, and a watch that is restarted
// at any tick comes to the same judgements.
func TestStepIsPure(t *testing.T) {
	signals := []Signal{
		{Name: "a", Scrape: scrape, Rule: rule},
		{Name: "b", Scrape: scrape, Rule: Sustained{Relative: 0.1, Window: 2 * time.Minute, For: time.Minute}},
	}
	baselines := map[string]Baseline{"a": {Counts: Counts{N: 10_000, K: 100}}, "b": {Counts: Counts{N: 10_000, K: 1000}}}
	eachSeed(t, 20, func(t *testing.T, seed uint64) {
		ticks := randomTicks(rand.New(rand.NewPCG(seed, 2)))
		states, judged := []State{{}}, []Judgement{}
		for _, tick := range ticks {
			st, j := Step(Rules{Signals: signals}, baselines, states[len(states)-1], tick)
			states, judged = append(states, st), append(judged, j)
		}
		for start := range ticks {
			st := states[start]
			for i := start; i < len(ticks); i++ {
				var j Judgement
				st, j = Step(Rules{Signals: signals}, baselines, st, ticks[i])
				if !reflect.DeepEqual(judged[i], j) { // far cheaper than the difference
					t.Fatalf("from tick %d on, at tick %d:\n%s", start, i, cmp.Diff(judged[i], j))
				}
			}
		}
	})
}

func randomTicks(rnd *rand.Rand) []Tick {
	var ticks []Tick
	from := second(0)
	for range 40 {
		at := from.Add(time.Duration(1+rnd.IntN(30)) * time.Second)
		ticks = append(ticks, Tick{From: from, At: at, Signals: map[string]Measurement{
			"a": randomMeasurement(rnd), "b": randomMeasurement(rnd),
		}})
		from = at
	}
	return ticks
}

func randomMeasurement(rnd *rand.Rand) Measurement {
	switch rnd.IntN(8) {
	case 0:
		return Measurement{}
	case 1:
		return Measurement{Error: "refused"}
	case 2:
		return Measurement{Samples: 1, Warnings: []string{"partial"}, Pods: map[string]Counts{"x": {N: 50, K: 50}}}
	}
	n := rnd.Uint64N(200)
	return Measurement{Samples: 1, Gap: rnd.IntN(9) == 0, Pods: map[string]Counts{"x": {N: n, K: rnd.Uint64N(n/4 + 1)}, "y": {}}}
}

// More failures in the same requests never make a verdict of the runbook's rule milder.
func TestWorseIsNeverMilder(t *testing.T) {
	sig := []Signal{{Name: "a", Scrape: scrape, Strict: true, Rule: Sustained{Relative: 0.1, Window: time.Minute, For: time.Minute}}}
	base := map[string]Baseline{"a": {Counts: Counts{N: 10_000, K: 500}}}
	eachSeed(t, 300, func(t *testing.T, seed uint64) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		var mild, bad State
		for _, tick := range randomTicks(rnd) {
			var jm, jb Judgement
			mild, jm = Step(Rules{Signals: sig}, base, mild, tick)
			bad, jb = Step(Rules{Signals: sig}, base, bad, worse(tick))
			if slices.Index(byGravity, jm.Verdict) < slices.Index(byGravity, jb.Verdict) {
				t.Fatalf("at %v: %s, and with more failures %s", tick.At, jm.Verdict, jb.Verdict)
			}
		}
	})
}

func worse(t Tick) Tick {
	m := t.Signals["a"]
	pods := map[string]Counts{}
	for pod, c := range m.Pods {
		pods[pod] = Counts{N: c.N, K: min(c.N, c.K*2+c.N/20)}
	}
	m.Pods = pods
	t.Signals = map[string]Measurement{"a": m}
	return t
}

func BenchmarkStep(b *testing.B) {
	sig := []Signal{{Name: "errors", Scrape: scrape, Rule: rule}}
	base := map[string]Baseline{"errors": {Counts: Counts{N: 10_000, K: 50}}}
	m := Measurement{Samples: 1000, Pods: map[string]Counts{}}
	for pod := range 1000 {
		m.Pods[string(rune(pod))] = Counts{N: 10, K: 1}
	}
	var st State
	var at time.Duration
	b.ReportAllocs()
	for b.Loop() {
		st, _ = Step(Rules{Signals: sig}, base, st, tickAt(&at, m))
	}
}
