package policytest

import (
	"context"
	"slices"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// store holds the series of one test. It serves Prometheus' own engine in the place of a database: the package tsdb would bring
// the client libraries of three clouds into the module.
type store []series

// series is one series with its samples in order of time.
type series struct {
	labels  labels.Labels
	samples []chunks.Sample
}

// Querier implements storage.Queryable. The engine itself looks only at samples in the span that it asks for.
func (s store) Querier(int64, int64) (storage.Querier, error) { return querier{store: s}, nil }

type querier struct{ store store }

// Select implements storage.Querier. Series are in order whether that is asked for or not, as those of a database are.
func (q querier) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	var found []series
	for _, s := range q.store {
		if !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches(s.labels.Get(m.Name)) }) {
			found = append(found, s)
		}
	}
	slices.SortFunc(found, func(a, b series) int { return labels.Compare(a.labels, b.labels) })
	return &seriesSet{rest: found}
}

// LabelValues implements storage.Querier; no query of the engine asks for them.
func (querier) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

// LabelNames implements storage.Querier; no query of the engine asks for them.
func (querier) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

// Close implements storage.Querier.
func (querier) Close() error { return nil }

// seriesSet goes through what was selected.
type seriesSet struct {
	at   series
	rest []series
}

// Next implements storage.SeriesSet.
func (s *seriesSet) Next() bool {
	if len(s.rest) == 0 {
		return false
	}
	s.at, s.rest = s.rest[0], s.rest[1:]
	return true
}

// At implements storage.SeriesSet.
func (s *seriesSet) At() storage.Series { return storage.NewListSeries(s.at.labels, s.at.samples) }

// Err implements storage.SeriesSet.
func (*seriesSet) Err() error { return nil }

// Warnings implements storage.SeriesSet.
func (*seriesSet) Warnings() annotations.Annotations { return nil }

// sample is a number, or a native histogram.
type sample struct {
	at        int64
	number    float64
	histogram *histogram.FloatHistogram
}

// T implements chunks.Sample.
func (s sample) T() int64 { return s.at }

// ST implements chunks.Sample.
func (sample) ST() int64 { return 0 }

// F implements chunks.Sample.
func (s sample) F() float64 { return s.number }

// H implements chunks.Sample.
func (sample) H() *histogram.Histogram { return nil }

// FH implements chunks.Sample.
func (s sample) FH() *histogram.FloatHistogram { return s.histogram }

// Type implements chunks.Sample.
func (s sample) Type() chunkenc.ValueType {
	if s.histogram != nil {
		return chunkenc.ValFloatHistogram
	}
	return chunkenc.ValFloat
}

// Copy implements chunks.Sample.
func (s sample) Copy() chunks.Sample {
	if s.histogram != nil {
		s.histogram = s.histogram.Copy()
	}
	return s
}
