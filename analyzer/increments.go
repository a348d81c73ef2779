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
	// since is from when on samples count, in milliseconds; what was before is only what they are counted from. Whether a
	// StatefulSet's new pod starts its counter anew, or one that somebody else keeps goes on, shows in the samples.
	since int64
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
	seen := &scrapes{series: series, window: w}
	for _, s := range series {
		s.Samples = w.trimmed(s.Samples)
		inc := increment(s, w, seen)
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

// trimmed cuts a series' samples to those that counting in the window may use.
func (w Window) trimmed(samples []Sample) []Sample {
	first, last := w.From.Add(-Lookback(w.Scrape)).UnixMilli()+1, w.At.UnixMilli()
	from, to := firstAt(samples, first), firstAt(samples, last+1)
	return samples[from:max(from, to)]
}

// firstAt returns the index of the first sample at or after t.
func firstAt(samples []Sample, t int64) int {
	i, _ := slices.BinarySearchFunc(samples, t, func(p Sample, t int64) int { return cmp.Compare(p.T, t) })
	return i
}

type targetKey struct{ pod, target string }

func (s Series) target() targetKey { return targetKey{s.Pod, s.Target} }

// scrapes are when targets were scraped in a window. It is found out only once it is asked for, which it seldom is: most samples
// have one before them.
type scrapes struct {
	series []Series
	window Window
	times  map[targetKey][]int64
}

// of returns when a target was scraped, in order, as any of its series shows: all series of one scrape carry the same timestamp.
func (c *scrapes) of(target targetKey) []int64 {
	if c.times == nil {
		c.times = map[targetKey][]int64{}
		for _, s := range c.series {
			times := c.times[s.target()]
			for _, p := range c.window.trimmed(s.Samples) {
				if i, found := slices.BinarySearch(times, p.T); !found {
					times = slices.Insert(times, i, p.T)
				}
			}
			c.times[s.target()] = times
		}
	}
	return c.times[target]
}

type counted struct {
	count   uint64
	samples int
	gap     bool
	err     error
}

// increment counts one series.
func increment(s Series, w Window, seen *scrapes) counted {
	var out counted
	for i := firstAt(s.Samples, max(w.From.UnixMilli()+1, s.since)); i < len(s.Samples); i++ {
		now := s.Samples[i].V
		base, known := base(s, i, w, seen)
		for _, v := range [...]float64{base, now} {
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
func base(s Series, i int, w Window, seen *scrapes) (float64, bool) {
	t, spacing := s.Samples[i].T, maxSpacing(w.Scrape).Milliseconds()
	if i > 0 && t-s.Samples[i-1].T <= spacing {
		return s.Samples[i-1].V, true
	}
	scraped := seen.of(s.target())
	earlier, _ := slices.BinarySearch(scraped, t)
	if earlier == 0 {
		return 0, w.Born != nil && w.Born(s.Pod)
	}
	// The target was scraped shortly before without this series, so it is new, or its container is.
	return 0, t-scraped[earlier-1] <= spacing
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
