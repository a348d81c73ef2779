package analyzer

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fleet simulates pods that serve requests, restart and are scraped, and keeps what truly happened.
type fleet struct {
	rnd    *rand.Rand
	end    int
	series map[seriesKey]*Series
	truth  map[string]Counts
}

type seriesKey struct {
	pod  string
	code int
}

// faults are what may go wrong in a simulated fleet, as probabilities for each scrape.
type faults struct {
	restart, missed float64
	// anywhen lets restarts happen between scrapes, where Prometheus loses what was counted since the last one.
	anywhen bool
	value   func(rnd *rand.Rand, v float64) float64
}

func simulate(seed uint64, f faults) *fleet {
	fl := &fleet{rnd: rand.New(rand.NewPCG(seed, 1)), end: 600, series: map[seriesKey]*Series{}, truth: map[string]Counts{}}
	for i := range 1 + fl.rnd.IntN(4) {
		born, died := fl.rnd.IntN(300), fl.end-fl.rnd.IntN(200)
		fl.live("pod-bbbb"+"bcdf"[i:i+1], born, died, f)
	}
	return fl
}

// live runs one pod: a counter for each status code that is there from its first request on.
func (fl *fleet) live(pod string, born, died int, f faults) {
	counters := map[int]float64{}
	for at := born; at <= died; at += 15 {
		before := fl.serve(pod, counters)
		if f.anywhen && fl.rnd.Float64() < f.restart {
			clear(counters)
			before = fl.serve(pod, counters)
		}
		if fl.rnd.Float64() < f.missed {
			continue
		}
		fl.scrape(pod, at, counters, f)
		if !f.anywhen && visible(counters, before) && fl.rnd.Float64() < f.restart {
			clear(counters)
		}
	}
}

// visible reports whether a restart now must show as a fall: every counter stands above anything that one scrape
// interval brings.
func visible(counters, before map[int]float64) bool {
	for code := range counters {
		if before[code] < 40 {
			return false
		}
	}
	return true
}

// serve counts the requests of one scrape interval and returns where the counters stood before.
func (fl *fleet) serve(pod string, counters map[int]float64) map[int]float64 {
	before := map[int]float64{}
	for _, code := range []int{200, 404, 500} {
		before[code] = counters[code]
		n := max(0, fl.rnd.IntN(40)-10)
		if n == 0 {
			continue
		}
		counters[code] += float64(n)
		c := Counts{N: uint64(n)}
		if code == 500 {
			c.K = c.N
		}
		fl.truth[pod] = fl.truth[pod].Plus(c)
	}
	return before
}

func (fl *fleet) scrape(pod string, at int, counters map[int]float64, f faults) {
	for code, v := range counters {
		if f.value != nil {
			v = f.value(fl.rnd, v)
		}
		key := seriesKey{pod, code}
		if fl.series[key] == nil {
			fl.series[key] = &Series{Pod: pod}
		}
		fl.series[key].Samples = append(fl.series[key].Samples, Sample{T: second(at).UnixMilli(), V: v})
	}
}

// all returns every series once as requests, and those of failed requests a second time.
func (fl *fleet) all() []Series {
	var out []Series
	for key, s := range fl.series {
		out = append(out, *s)
		if key.code == 500 {
			out = append(out, Series{Pod: s.Pod, Bad: true, Samples: s.Samples})
		}
	}
	return out
}

// spans cuts the time of the fleet at random.
func (fl *fleet) spans() []Span {
	var out []Span
	for from := 0; from < fl.end; {
		at := min(fl.end, from+1+fl.rnd.IntN(90))
		out = append(out, Span{second(from), second(at)})
		from = at
	}
	return out
}

// fold measures spans one after another as a watch does, each from the samples that its own query would return.
func fold(all []Series, spans []Span) (sum map[string]Counts, ticks []Measurement) {
	sum, known := map[string]Counts{}, map[string]bool{}
	for _, span := range spans {
		m := Measure(within(all, span), Window{Span: span, Scrape: scrape, Born: func(pod string) bool { return !known[pod] }})
		for pod, c := range m.Pods {
			known[pod] = true
			sum[pod] = sum[pod].Plus(c)
		}
		ticks = append(ticks, m)
	}
	return sum, ticks
}

// within returns what a range selector returns that ends with the span and reaches back as far as is needed.
func within(all []Series, span Span) []Series {
	from, at := span.From.Add(-Lookback(scrape)).UnixMilli(), span.At.UnixMilli()
	var out []Series
	for _, s := range all {
		s.Samples = slices.DeleteFunc(slices.Clone(s.Samples), func(p Sample) bool { return p.T <= from || p.T > at })
		if len(s.Samples) > 0 {
			out = append(out, s)
		}
	}
	return out
}

func eachSeed(t *testing.T, n uint64, check func(t *testing.T, seed uint64)) {
	for seed := range n {
		check(t, seed)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// Where no scrape is missing and every restart shows, nothing is lost and nothing is counted twice, however the time
// is cut into spans.
func TestIncrementsAddUpToTheTruth(t *testing.T) {
	eachSeed(t, 500, func(t *testing.T, seed uint64) {
		fl := simulate(seed, faults{restart: 0.1})
		all := fl.all()
		for _, spans := range [][]Span{fl.spans(), fl.spans(), {{second(-1), second(fl.end)}}} {
			spans[0].From = second(-1) // a pod may be scraped at second 0
			got, _ := fold(all, spans)
			want := fl.truth
			for pod, c := range want {
				if c == (Counts{}) && got[pod] == c {
					delete(want, pod)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("counts over %d spans (-truth +got):\n%s", len(spans), diff)
			}
		}
	})
}

// Whatever goes wrong, nothing is counted that did not happen: a gap loses counts, it never makes any.
func TestIncrementsNeverExceedTheTruth(t *testing.T) {
	eachSeed(t, 500, func(t *testing.T, seed uint64) {
		fl := simulate(seed, faults{restart: 0.1, missed: 0.3, anywhen: true})
		got, _ := fold(fl.all(), fl.spans())
		for pod, c := range got {
			if truth := fl.truth[pod]; c.N > truth.N || c.K > truth.K {
				t.Errorf("%s: %v was counted of %v", pod, c, truth)
			}
		}
	})
}

// A tick's measurement does not depend on which other spans it was fetched with: a restarted watch that asks for an
// hour at once, and a replay, count what the live watch counted.
func TestMeasureDependsOnItsOwnSpanAlone(t *testing.T) {
	eachSeed(t, 500, func(t *testing.T, seed uint64) {
		fl := simulate(seed, faults{restart: 0.1, missed: 0.4, anywhen: true, value: sometimesNaN})
		all, spans := fl.all(), fl.spans()
		_, live := fold(all, spans)
		sub := Subject{Release: Members{PodPrefix: "pod-"}, Spans: spans, Fresh: true}
		var batch []found
		for _, s := range all {
			batch = append(batch, found{pod: s.Pod, series: s})
		}
		for i, got := range measureSubject(sub, gather(Signal{Labels: Labels{Pod: "pod"}, Scrape: scrape}, batch), nil) {
			if diff := cmp.Diff(live[i], got, cmp.FilterPath(isError, cmp.Comparer(bothOrNeither))); diff != "" {
				t.Errorf("span %d (-live +batch):\n%s", i, diff)
			}
		}
	})
}

func sometimesNaN(rnd *rand.Rand, v float64) float64 {
	if rnd.Float64() < 0.02 {
		return math.NaN()
	}
	return v
}

func isError(p cmp.Path) bool { return p.String() == "Error" }

// bothOrNeither compares errors: which of several bad series is named first is a matter of their order.
func bothOrNeither(a, b string) bool { return (a == "") == (b == "") }

// Born is asked about pods alone, never about the clock.
func TestMeasureIsPure(t *testing.T) {
	fl := simulate(7, faults{restart: 0.1, missed: 0.2, anywhen: true})
	all := fl.all()
	w := Window{Span: Span{second(0), second(300)}, Scrape: scrape, Born: everyPodIsNew}
	first := Measure(all, w)
	slices.Reverse(all)
	if diff := cmp.Diff(first, Measure(all, w)); diff != "" {
		t.Errorf("the order of the series matters:\n%s", diff)
	}
	if got := Measure(all, Window{Span: Span{w.At, w.At.Add(time.Hour)}, Scrape: scrape}); got.Samples == 0 {
		t.Error("the samples of later spans were touched")
	}
}
