package analyzer

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// baselineChunk bounds how much history one query asks for.
const baselineChunk = 10 * time.Minute

// Baseline measures the control of a signal: the pods of the known-good version in the span before the deployment
// started, which ends at T0. It is frozen for the whole watch, so an answer that may be incomplete is an error, and
// the caller asks again. Samples that are no counts will not become any by asking again: the baseline is empty then,
// and says so.
func (s *Sampler) Baseline(ctx context.Context, sig Signal, sub Subject, span Span) (Baseline, error) {
	if !sig.FromMetrics() {
		return Baseline{Signal: sig.Name, From: span.From, To: span.At}, nil
	}
	if sig.Query != "" {
		return s.baselineNumbers(ctx, sig, sub, span)
	}
	return collectBaseline(sig, sub, span, func(sub Subject) ([]Measurement, error) {
		got, err := s.Sample(ctx, sig, []Subject{sub})
		return got[sub.Key], err
	})
}

// collectBaseline adds up what measure returns for the pieces of the span.
func collectBaseline(sig Signal, sub Subject, span Span, measure func(Subject) ([]Measurement, error)) (Baseline, error) {
	base := Baseline{Signal: sig.Name, From: span.From, To: span.At}
	text, err := Query(sig, sub, span)
	if err != nil {
		return Baseline{}, err
	}
	base.Query = text
	sub.Fresh, sub.Known, sub.Control = false, nil, Members{} // these pods are of any age, and have no control
	base.Step = max(baselineStep, sig.Scrape)
	pods := map[string]bool{}
	var buckets []Buckets
	var byPod []map[string]Counts
	sampled, gaps := 0, 0
	for spans := range slices.Chunk(steps(span, base.Step), max(1, int(baselineChunk/base.Step))) {
		sub.Spans = spans
		got, err := measure(sub)
		if err != nil {
			return Baseline{}, fmt.Errorf("baseline: %w", err)
		}
		for i, m := range got {
			if m.Error != "" {
				return Baseline{Signal: sig.Name, From: span.From, To: span.At, Query: text, Problem: m.Error}, nil
			}
			if len(m.Warnings) > 0 {
				return Baseline{}, fmt.Errorf("baseline: signal %q: Prometheus warned that its answer may be incomplete: %s", sig.Name, m.Warnings[0])
			}
			base.Counts = base.Counts.Plus(m.Total())
			if m.Samples > 0 {
				sampled++
			}
			if m.Gap {
				gaps++
			}
			if spans[i].At.Sub(spans[i].From) == base.Step {
				base.Ticks, buckets, byPod = append(base.Ticks, m.Total()), append(buckets, m.Buckets), append(byPod, m.Pods)
			}
			for pod := range m.Pods {
				pods[pod] = true
			}
		}
	}
	if base.Counts.N == 0 && 2*gaps > sampled {
		base.Problem = tooFar(sig.Scrape)
	}
	base.Pods, base.Apart = slices.Sorted(maps.Keys(pods)), apart(byPod)
	return base.withQuantiles(sig, buckets).withoutIncident(), nil
}

// tooFar says why samples cannot be counted that lie too far from one another.
func tooFar(scrape time.Duration) string {
	return fmt.Sprintf("the samples come after a gap of more than 2.5 scrapes, from which nothing can be counted: "+
		"scrapes failed, or come less often than every %s as configured; see scrapeInterval", scrape)
}

// baselineStep is the least length of the spans in which a baseline is counted.
const baselineStep = 15 * time.Second

// steps cuts a span into pieces that end at its end; the first one may be shorter than the others.
func steps(span Span, step time.Duration) []Span {
	var out []Span
	for at := span.At; at.After(span.From); at = at.Add(-step) {
		from := at.Add(-step)
		if from.Before(span.From) {
			from = span.From
		}
		out = append(out, Span{From: from, At: at})
	}
	slices.Reverse(out)
	return out
}
