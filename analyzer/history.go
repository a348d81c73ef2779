package analyzer

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
)

// History holds the raw samples of all series that a workload has of one signal, over one span. What is measured from it
// equals what would have been measured at the time, as no span's counts depend on samples after it.
type History struct {
	signal   Signal
	subject  Subject
	span     Span
	found    []found
	index    map[historyKey]int
	warnings []string
}

// historyKey tells the series of a history apart: one series of Prometheus may count as several.
type historyKey struct {
	labels string
	bad    bool
	// le is the bound's bits, which are the same for what is no number too.
	le uint64
}

// Pair is a workload and the one beside it.
type Pair struct {
	Workload string
	// Beside is the other colour of a blue-green pair; empty if there is none.
	Beside string
}

// NewHistory returns a history that holds nothing yet and begins at from.
func NewHistory(sig Signal, namespace string, workloads Pair, from time.Time) *History {
	from = from.Add(-Lookback(sig.Scrape))
	return &History{
		signal: sig, subject: Subject{Namespace: namespace, Workload: workloads.Workload, Control: Members{Workload: workloads.Beside}},
		span: Span{From: from, At: from}, index: map[historyKey]int{},
	}
}

// Extend reads on to a later time by one query (two, if errors are counted by a metric of their own). An error means that
// nothing could be read and that asking again may help.
func (s *Sampler) Extend(ctx context.Context, h *History, until time.Time) error {
	if !until.After(h.span.At) {
		return nil
	}
	plan, err := planQueries(h.signal, []Subject{h.subject}, until.Sub(h.span.At))
	if err != nil {
		return err
	}
	var read []found
	r := newReader(h.signal, func(f found) { read = append(read, f) })
	r.keyed = true
	for _, q := range plan {
		warned, err := s.read(ctx, r, q, until)
		if err != nil {
			return fmt.Errorf("signal %q: %w", h.signal.Name, err)
		}
		h.warnings = append(h.warnings, warned...)
	}
	for _, f := range read {
		h.add(f)
	}
	h.span.At = until
	return nil
}

// add appends a series' later samples to those that are held of it.
func (h *History) add(f found) {
	whole := Members{whole: true}
	beside := Members{whole: true, Workload: h.subject.Control.Workload}
	if !h.subject.holds(h.signal, whole, f) && (beside.Workload == "" || !h.subject.holds(h.signal, beside, f)) {
		return
	}
	key := historyKey{f.labels, f.series.Bad, math.Float64bits(f.series.Le)}
	i, held := h.index[key]
	if !held {
		h.index[key] = len(h.found)
		h.found = append(h.found, f)
		return
	}
	h.found[i].series.Samples = append(h.found[i].series.Samples, f.series.Samples...)
}

// Until is how far the history has been read.
func (h *History) Until() time.Time { return h.span.At }

// Sighting says when a workload's series with one pod and one version were first and last seen in a history.
type Sighting struct {
	Workload, Pod, Version string
	First, Last            time.Time
}

// Sightings lists what was seen, the earliest first.
func (h *History) Sightings() []Sighting {
	type key struct{ workload, pod, version string }
	seen := map[key]Sighting{}
	for _, f := range h.found {
		samples := f.series.Samples
		if len(samples) == 0 {
			continue
		}
		k := key{f.owner(h.signal.Labels), f.pod, f.version}
		first, last := time.UnixMilli(samples[0].T).UTC(), time.UnixMilli(samples[len(samples)-1].T).UTC()
		s, known := seen[k]
		if !known {
			s = Sighting{Workload: k.workload, Pod: f.pod, Version: f.version, First: first, Last: last}
		}
		if first.Before(s.First) {
			s.First = first
		}
		if last.After(s.Last) {
			s.Last = last
		}
		seen[k] = s
	}
	return slices.SortedFunc(maps.Values(seen), func(a, b Sighting) int { return a.First.Compare(b.First) })
}

// Measure returns the measurement of each of the subject's spans, which must lie in the history.
func (h *History) Measure(sub Subject) []Measurement {
	return measureSubject(sub, gather(h.signal, h.found), h.warnings)
}

// Baseline measures the control of the signal as Sampler.Baseline does.
func (h *History) Baseline(sub Subject, span Span) (Baseline, error) {
	return collectBaseline(h.signal, sub, span, func(sub Subject) ([]Measurement, error) { return h.Measure(sub), nil })
}
