package analyzer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
)

// Prometheus is what judging asks of Prometheus.
type Prometheus interface {
	// Samples evaluates a query that gives raw samples and hands on one series after the other. What is handed on is valid until
	// each returns, and counts only if no error is returned in the end.
	Samples(ctx context.Context, query string, at time.Time, each func(*model.SampleStream)) (v1.Warnings, error)
	// QueryRange evaluates an expression at several times.
	QueryRange(ctx context.Context, query string, r v1.Range, opts ...v1.Option) (model.Value, v1.Warnings, v1.Infos, error)
}

// Sampler measures signals by asking Prometheus for raw samples at explicit times, so that a question asked late is
// answered as it would have been in time.
type Sampler struct {
	prometheus Prometheus
	timeout    time.Duration
	queries    *semaphore.Weighted
	// The answers to what is asked around suspected releases: what was usual, the newest samples, and earlier days.
	usual   memory[map[pair]Counts]
	newest  memory[map[pair][]Series]
	earlier memory[float64]
}

// NewSampler returns a Sampler that gives up on one query after timeout.
func NewSampler(prometheus Prometheus, timeout time.Duration) *Sampler {
	s := &Sampler{prometheus: prometheus, timeout: timeout, queries: semaphore.NewWeighted(queriesAtOnce)}
	s.usual.size, s.newest.size, s.earlier.size = 256, 16, 2048
	return s
}

// Sample measures one signal for all subjects with as few queries as their names fit into (twice as many if errors are counted by a
// metric of their own), and returns a measurement for each span of each subject by its key. An error means that nothing could be
// measured and that asking again may help.
func (s *Sampler) Sample(ctx context.Context, sig Signal, subjects []Subject) (map[string][]Measurement, error) {
	out := make(map[string][]Measurement, len(subjects))
	if !sig.FromMetrics() {
		return out, nil
	}
	if sig.Query != "" {
		return out, s.sampleNumbers(ctx, sig, subjects, out)
	}
	var filling sync.Mutex
	running, ctx := errgroup.WithContext(ctx)
	running.SetLimit(chunksAtOnce)
	for _, chunk := range chunked(sig.Labels, subjects) {
		running.Go(func() error {
			got, err := s.sampleChunk(ctx, sig, chunk)
			filling.Lock()
			defer filling.Unlock()
			maps.Copy(out, got)
			return err
		})
	}
	if err := running.Wait(); err != nil {
		return nil, err
	}
	return out, nil
}

func (s *Sampler) sampleChunk(ctx context.Context, sig Signal, chunk []Subject) (map[string][]Measurement, error) {
	first, last := reach(chunk)
	if last.IsZero() {
		return nil, nil // nothing is due
	}
	plan, err := planQueries(sig, chunk, last.Sub(first)+Lookback(sig.Scrape))
	if err != nil {
		return nil, err
	}
	series := newGathered(sig)
	r := newReader(sig, series.add)
	var warnings []string
	for _, q := range plan {
		warned, err := s.read(ctx, r, q, last)
		if err != nil {
			return nil, fmt.Errorf("signal %q: %w", sig.Name, err)
		}
		warnings = append(warnings, warned...)
	}
	out := make(map[string][]Measurement, len(chunk))
	for _, subject := range chunk {
		out[subject.Key] = measureSubject(subject, series, warnings)
	}
	return out, nil
}

func measureSubject(sub Subject, all *gathered, warnings []string) []Measurement {
	sig := all.signal
	mine, control := all.of(sub)
	known := map[string]bool{}
	for pod := range sub.Known {
		known[pod] = true
	}
	out := make([]Measurement, 0, len(sub.Spans))
	for _, span := range sub.Spans {
		m := sig.measure(mine, Window{Span: span, Scrape: sig.Scrape, Born: func(pod string) bool { return sub.Fresh && !known[pod] }})
		m.Warnings = warnings
		// The old version's pods are of any age. What of them cannot be counted is no control, and never a fault.
		m.Control = sig.measure(control, Window{Span: span, Scrape: sig.Scrape}).Total()
		for pod := range m.Pods {
			known[pod] = true
		}
		out = append(out, m)
	}
	return out
}

func (sig Signal) measure(series []Series, w Window) Measurement {
	switch {
	case sig.Kind == KindLatency:
		return MeasureHistogram(series, w, sig.Objective.bound())
	case sig.byTime():
		return perMillisecond(Measure(series, w), w.Span)
	}
	return Measure(series, w)
}

// perMillisecond puts time in the place of requests where a counter is measured against the clock.
func perMillisecond(m Measurement, span Span) Measurement {
	if m.Samples > 0 && m.Error == "" {
		m.Pods = map[string]Counts{"": {N: uint64(span.At.Sub(span.From).Milliseconds()), K: m.Total().K}}
	}
	return m
}

// read asks for raw samples that end at an explicit time, and has the reader hand on the series that they make. What it has handed on
// counts only if no error is returned.
func (s *Sampler) read(ctx context.Context, r *reader, q query, at time.Time) ([]string, error) {
	r.begin(q)
	return s.each(ctx, q.text, at, r.add)
}

// each asks for raw samples that end at an explicit time, and hands on one series after the other.
func (s *Sampler) each(ctx context.Context, text string, at time.Time, add func(*model.SampleStream)) ([]string, error) {
	ctx, end, err := s.turn(ctx)
	if err != nil {
		return nil, fmt.Errorf("wait to ask Prometheus: %w", err)
	}
	defer end()
	warnings, err := s.prometheus.Samples(ctx, text, at, add)
	if err != nil {
		return nil, fmt.Errorf("query %s at %s: %w", text, at.UTC().Format(time.RFC3339), readable(err))
	}
	return warnings, nil
}

// readable keeps Prometheus' own detail, which the client's error text leaves out.
func readable(err error) error {
	var api *v1.Error
	if errors.As(err, &api) && api.Detail != "" {
		return fmt.Errorf("%w (%.200s)", err, api.Detail)
	}
	return err
}
