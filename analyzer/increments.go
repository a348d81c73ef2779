package analyzer

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// Sample is one raw sample of a counter: a timestamp in milliseconds since the epoch, as Prometheus keeps it.
type Sample struct {
	T int64
	V float64
}

// Series is one counter of one pod with its raw samples, oldest first.
//
// Target tells apart the scrape targets of one pod, each of which is scraped at times of its own.
type Series struct {
	Pod    string
	Target string
	Bad    bool
	// Histogram tells apart the histograms of one pod, such as those of its routes: each has buckets of its own.
	Histogram string
	// Le is the upper bound of a histogram's bucket; of other counters it means nothing.
	Le      float64
	Samples []Sample
}

// Span is the half-open interval (From, At].
type Span struct {
	From time.Time `json:"from"`
	At   time.Time `json:"at"`
}

// Window is what Measure needs to know besides the samples.
type Window struct {
	Span
	// Scrape is the scrape interval. Two samples more than 2.5 scrapes apart have a gap between them: two or more
	// scrapes are missing, and what was counted meanwhile cannot be laid to either side.
	Scrape time.Duration
	// Born reports whether this pod's counters are known to start inside the watch, so that the first sample of a pod
	// that was never measured before counts from zero. Prometheus' own functions lose this first increment.
	Born func(pod string) bool
}

// Lookback is how far before a span samples are needed to count increments in it.
func Lookback(scrape time.Duration) time.Duration { return maxSpacing(scrape) + scrape/2 }

func maxSpacing(scrape time.Duration) time.Duration { return scrape*2 + scrape/2 }

// maxCount is the largest counter value that a float64 holds exactly.
const maxCount = 1 << 53

// Measure counts the increments of every pod over one span from raw samples: integers, exact under counter resets
// and new series, without extrapolation (the rules are those of the counter semantics of the OpenMetrics exposition
// format: a counter that falls was reset to zero, a counter that appears on a scraped target was zero before).
//
// Samples outside the span and its lookback change nothing, so that a span measures the same whether it was asked for
// alone or with an hour around it.
func Measure(series []Series, w Window) Measurement {
	pods := map[string]Counts{}
	m := measure(series, w, func(s Series, count uint64) {
		c := Counts{N: count}
		if s.Bad {
			c = Counts{K: count}
		}
		pods[s.Pod] = pods[s.Pod].Plus(c)
	})
	if m.Error == "" && len(pods) > 0 {
		m.Pods = pods
	}
	return m
}

// measure counts every series and hands on the increment of each that had a sample in the span.
func measure(series []Series, w Window, add func(s Series, count uint64)) Measurement {
	m := Measurement{}
	series = trimmed(series, w)
	seen := scrapesByTarget(series)
	for _, s := range series {
		inc := increment(s, w, seen[s.target()])
		if inc.err != nil {
			return Measurement{Error: inc.err.Error()}
		}
		m.Samples += inc.samples
		m.Gap = m.Gap || inc.gap
		if inc.samples > 0 {
			add(s, inc.count)
		}
	}
	return m
}

// trimmed cuts each series to the samples that counting in the window may use.
func trimmed(series []Series, w Window) []Series {
	first, last := w.From.Add(-Lookback(w.Scrape)).UnixMilli()+1, w.At.UnixMilli()
	out := make([]Series, 0, len(series))
	for _, s := range series {
		from, to := firstAt(s.Samples, first), firstAt(s.Samples, last+1)
		s.Samples = s.Samples[from:max(from, to)]
		out = append(out, s)
	}
	return out
}

// firstAt returns the index of the first sample at or after t.
func firstAt(samples []Sample, t int64) int {
	i, _ := slices.BinarySearchFunc(samples, t, func(p Sample, t int64) int { return cmp.Compare(p.T, t) })
	return i
}

type targetKey struct{ pod, target string }

func (s Series) target() targetKey { return targetKey{s.Pod, s.Target} }

// scrapesByTarget collects when each target was scraped, in order, as any of its series shows: all series of one
// scrape carry the same timestamp.
func scrapesByTarget(series []Series) map[targetKey][]int64 {
	seen := map[targetKey][]int64{}
	for _, s := range series {
		times := seen[s.target()]
		for _, p := range s.Samples {
			if i, found := slices.BinarySearch(times, p.T); !found {
				times = slices.Insert(times, i, p.T)
			}
		}
		seen[s.target()] = times
	}
	return seen
}

type counted struct {
	count   uint64
	samples int
	gap     bool
	err     error
}

// increment counts one series, whose target was scraped at the given times.
func increment(s Series, w Window, scrapes []int64) counted {
	var out counted
	for i := firstAt(s.Samples, w.From.UnixMilli()+1); i < len(s.Samples); i++ {
		now := s.Samples[i].V
		base, known := base(s, i, w, scrapes)
		for _, v := range []float64{base, now} {
			if !isCount(v) {
				out.err = fmt.Errorf("pod %q reports the counter value %v, which is no count", s.Pod, v)
				return out
			}
		}
		out.samples++
		if known {
			out.count = addUp(out.count, growth(base, now))
		} else {
			out.gap = true
		}
	}
	return out
}

// base returns the value from which sample i of the series counts, and false if that is not known.
func base(s Series, i int, w Window, scrapes []int64) (float64, bool) {
	t, spacing := s.Samples[i].T, maxSpacing(w.Scrape).Milliseconds()
	if i > 0 && t-s.Samples[i-1].T <= spacing {
		return s.Samples[i-1].V, true
	}
	earlier, _ := slices.BinarySearch(scrapes, t)
	if earlier == 0 {
		return 0, w.Born != nil && w.Born(s.Pod)
	}
	// The target was scraped shortly before without this series, so it is new, or its container is.
	return 0, t-scrapes[earlier-1] <= spacing
}

// growth returns by how many whole events a counter grew. Values are rounded before they are compared: rounding
// differences instead would let fractions add up, and a lost last digit look like a reset.
func growth(from, to float64) uint64 {
	before, after := uint64(math.Round(from)), uint64(math.Round(to))
	if after < before {
		return after
	}
	return after - before
}

// isCount is false for NaN too.
func isCount(v float64) bool { return v >= 0 && v <= maxCount }
