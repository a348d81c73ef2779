package analyzer

import (
	"fmt"
	"math"
	"time"
)

// Sample is one raw sample of a counter: a timestamp in milliseconds since the epoch, as Prometheus keeps it.
type Sample struct {
	T int64
	V float64
}

// Series is one counter of one pod with its raw samples, oldest first.
type Series struct {
	Pod     string
	Bad     bool
	Samples []Sample
}

// Span is the half-open interval (From, At].
type Span struct {
	From, At time.Time
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
func Measure(series []Series, w Window) Measurement {
	m := Measurement{}
	seen := scrapesByPod(series)
	for _, s := range series {
		inc := increment(s, w, seen[s.Pod])
		if inc.err != nil {
			return Measurement{Error: inc.err.Error()}
		}
		m.Samples += inc.samples
		m.Gap = m.Gap || inc.gap
		if inc.samples == 0 {
			continue
		}
		if m.Pods == nil {
			m.Pods = map[string]Counts{}
		}
		c := m.Pods[s.Pod]
		if s.Bad {
			c.K += inc.count
		} else {
			c.N += inc.count
		}
		m.Pods[s.Pod] = c
	}
	return m
}

// scrapesByPod collects when each pod was scraped, as any of its series shows: all series of one scrape carry the
// same timestamp.
func scrapesByPod(series []Series) map[string]map[int64]bool {
	seen := map[string]map[int64]bool{}
	for _, s := range series {
		if seen[s.Pod] == nil {
			seen[s.Pod] = map[int64]bool{}
		}
		for _, p := range s.Samples {
			seen[s.Pod][p.T] = true
		}
	}
	return seen
}

type counted struct {
	count   uint64
	samples int
	gap     bool
	err     error
}

func increment(s Series, w Window, scrapes map[int64]bool) counted {
	var out counted
	var prev *Sample
	from, at := w.From.UnixMilli(), w.At.UnixMilli()
	spacing := maxSpacing(w.Scrape).Milliseconds()
	for i := range s.Samples {
		p := &s.Samples[i]
		if p.T > at {
			break
		}
		if !(p.V >= 0 && p.V <= maxCount) { // also false for NaN
			out.err = fmt.Errorf("pod %q reports the counter value %v, which is no count", s.Pod, p.V)
			return out
		}
		if p.T <= from {
			prev = p
			continue
		}
		out.samples++
		switch {
		case prev == nil && (scrapedBefore(scrapes, p.T, spacing) || (!scrapedEver(scrapes, p.T) && w.Born != nil && w.Born(s.Pod))):
			out.count += round(p.V)
		case prev == nil || p.T-prev.T > spacing:
			out.gap = true
		case p.V < prev.V:
			out.count += round(p.V)
		default:
			out.count += round(p.V - prev.V)
		}
		prev = p
	}
	return out
}

// scrapedBefore reports whether the target was scraped shortly before t without this series being there yet.
func scrapedBefore(scrapes map[int64]bool, t, spacing int64) bool {
	for s := range scrapes {
		if s < t && t-s <= spacing {
			return true
		}
	}
	return false
}

func scrapedEver(scrapes map[int64]bool, t int64) bool {
	for s := range scrapes {
		if s < t {
			return true
		}
	}
	return false
}

func round(v float64) uint64 { return uint64(math.Round(v)) }
