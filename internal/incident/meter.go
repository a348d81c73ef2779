package incident

import (
	"math"
	"slices"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
)

// meter reads one signal off its ticks as people read it: a fraction of requests in per cent, a quantile, or a number, each over the
// trailing window that the limit applies to. It looks at each tick once, however long the window is.
type meter struct {
	kind   analyzer.Kind
	window time.Duration
	// unit is what a ratio or a quantile is multiplied by.
	unit float64
	// quantile is zero where fractions are read, and numbers is set where the signal is an expression.
	quantile float64
	numbers  bool

	recent  []reading
	counts  analyzer.Counts
	buckets analyzer.Buckets
}

// reading is what one tick added to the trailing window.
type reading struct {
	at      time.Time
	counts  analyzer.Counts
	buckets analyzer.Buckets
	value   float64
}

// mostCounted bounds the counts of a tick, so that a window's sum can be added to and taken from without overflow. It is more than a
// service answers in a century.
const mostCounted = 1 << 45

func bounded(n uint64) uint64 { return min(n, mostCounted) }

// read adds a tick and returns the value over the window that ends with it; NaN if nothing was counted in it.
func (m *meter) read(r reading) float64 {
	r.counts = analyzer.Counts{N: bounded(r.counts.N), K: bounded(r.counts.K)}
	m.recent = append(m.recent, r)
	m.counts = m.counts.Plus(r.counts)
	m.addBuckets(r.buckets, true)
	first := 0
	for first < len(m.recent)-1 && !m.recent[first].at.After(r.at.Add(-m.window)) {
		old := m.recent[first]
		m.counts.N, m.counts.K = m.counts.N-old.counts.N, m.counts.K-old.counts.K
		m.addBuckets(old.buckets, false)
		first++
	}
	m.recent = m.recent[first:]
	return m.value()
}

func (m *meter) addBuckets(b analyzer.Buckets, in bool) {
	if m.quantile == 0 {
		return
	}
	if m.buckets == nil {
		m.buckets = analyzer.Buckets{}
	}
	for le, n := range b {
		if in {
			m.buckets[le] += bounded(n)
		} else {
			m.buckets[le] -= bounded(n)
		}
	}
}

func (m *meter) value() float64 {
	switch {
	case m.numbers:
		return median(m.recent)
	case m.quantile > 0:
		if v, ok := m.buckets.Quantile(m.quantile); ok {
			return v * m.unit
		}
		return math.NaN()
	}
	ratio, ok := m.counts.Ratio()
	if !ok {
		return math.NaN()
	}
	if m.kind != analyzer.KindBusiness { // a part is never more than all, though two counters may be read at different times
		ratio = min(ratio, 1)
	}
	return ratio * m.unit
}

func median(recent []reading) float64 {
	values := make([]float64, 0, len(recent))
	for _, r := range recent {
		if !math.IsNaN(r.value) {
			values = append(values, r.value)
		}
	}
	if len(values) == 0 {
		return math.NaN()
	}
	slices.Sort(values)
	half := len(values) / 2
	if len(values)%2 == 1 {
		return values[half]
	}
	return (values[half-1] + values[half]) / 2
}

// forget empties the window.
func (m *meter) forget() { m.recent, m.counts, m.buckets = nil, analyzer.Counts{}, nil }

// measured reports whether a tick holds anything to read off.
func measured(m analyzer.Measurement) bool {
	return m.Error == "" && len(m.Warnings) == 0 && (m.Samples > 0 || m.Value != nil) && (!m.Gap || m.Total() != analyzer.Counts{})
}

// readingOf is what a measurement adds.
func readingOf(at time.Time, m analyzer.Measurement) reading {
	r := reading{at: at, counts: m.Total(), buckets: m.Buckets, value: math.NaN()}
	if m.Value != nil {
		r.value = *m.Value
	}
	return r
}
