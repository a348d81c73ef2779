package analyzer

import (
	"math"
	"slices"
	"strconv"

	"github.com/prometheus/common/model"
)

// reader makes of the series of an answer what is counted. There can be a hundred thousand of them in a tick, so that what many
// have in common is kept once, and samples are laid out side by side.
type reader struct {
	signal Signal
	query  query
	// take is given each of them.
	take func(found)
	// keyed asks for all labels of each series, by which a history knows it again.
	keyed bool
	// texts are the names that were made before.
	texts map[string]string
	spare []byte
	names []model.LabelName
	// room is for the samples of the next series, made how much was made last.
	room []Sample
	made int
}

func newReader(sig Signal, take func(found)) *reader {
	return &reader{signal: sig, take: take, texts: map[string]string{}}
}

// begin starts on the answer to another query.
func (r *reader) begin(q query) { r.query = q }

// add takes up one series, of which nothing is kept but what is copied.
func (r *reader) add(stream *model.SampleStream) {
	sig, q := r.signal, r.query
	f := sig.Labels.whose(stream.Metric)
	if r.keyed {
		f.labels = r.text(stream.Metric, "")
	}
	target := r.target(stream.Metric)
	if sig.Kind == KindLatency && len(stream.Histograms) > 0 {
		f.series = Series{Pod: f.pod, Target: target, Histogram: r.text(stream.Metric, model.BucketLabel)}
		for _, f := range classicSeries(f, stream, sig.Objective.bound()) {
			r.take(f)
		}
		return
	}
	le, err := strconv.ParseFloat(string(stream.Metric[model.BucketLabel]), 64)
	if sig.Kind == KindLatency && (err != nil || math.IsNaN(le)) {
		return // not a bucket
	}
	if q.good(stream.Metric) {
		f.series = Series{Pod: f.pod, Target: target, Le: le, Samples: r.numbersOnly(stream.Values)}
		if sig.Kind == KindLatency {
			f.series.Histogram = r.text(stream.Metric, model.BucketLabel)
		}
		r.take(f)
	}
	if q.bad(stream.Metric) {
		f.series = Series{Pod: f.pod, Target: target, Bad: true, Samples: r.numbersOnly(stream.Values)}
		r.take(f)
	}
}

// target names a scrape target by the two labels by which Prometheus itself tells them apart; where they were dropped, a pod is
// one target.
func (r *reader) target(m model.Metric) string {
	r.spare = append(append(append(r.spare[:0], m[model.JobLabel]...), '/'), m[model.InstanceLabel]...)
	return r.kept()
}

// text names a series by all its labels but one: without its bound it is what tells one histogram's series from another's.
func (r *reader) text(m model.Metric, without model.LabelName) string {
	r.names = r.names[:0]
	for name := range m {
		if name != without {
			r.names = append(r.names, name)
		}
	}
	slices.Sort(r.names)
	r.spare = r.spare[:0]
	for _, name := range r.names {
		r.spare = append(append(r.spare, name...), '=')
		r.spare = append(strconv.AppendQuote(r.spare, string(m[name])), ' ')
	}
	return r.kept()
}

// kept is the text that was just made, as it was made the first time.
func (r *reader) kept() string {
	s, known := r.texts[string(r.spare)]
	if !known {
		s = string(r.spare)
		r.texts[s] = s
	}
	return s
}

// Room is made for few samples at first, as most answers are about one workload, and for more each time.
const (
	leastRoom = 128
	mostRoom  = 4096
)

// numbersOnly leaves out what is no number: a counter that reports NaN reports nothing.
func (r *reader) numbersOnly(values []model.SamplePair) []Sample {
	if len(r.room) < len(values) {
		r.made = min(max(leastRoom, 2*r.made), mostRoom)
		r.room = make([]Sample, max(r.made, len(values)))
	}
	n := 0
	for _, p := range values {
		if v := float64(p.Value); !math.IsNaN(v) {
			r.room[n] = Sample{T: int64(p.Timestamp), V: v}
			n++
		}
	}
	samples := r.room[:n:n]
	r.room = r.room[n:]
	return samples
}
