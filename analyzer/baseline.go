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
	base := Baseline{Signal: sig.Name, From: span.From, To: span.At}
	text, err := Query(sig, sub.Namespace, sub.PodPrefix, span)
	if err != nil {
		return Baseline{}, err
	}
	base.Query = text
	sub.Fresh, sub.Known = false, nil // these pods are of any age
	pods := map[string]bool{}
	for from := span.From; from.Before(span.At); from = from.Add(baselineChunk) {
		sub.Spans = []Span{{From: from, At: earlier(from.Add(baselineChunk), span.At)}}
		got, err := s.Sample(ctx, sig, []Subject{sub})
		if err != nil {
			return Baseline{}, fmt.Errorf("baseline: %w", err)
		}
		m := got[sub.Key][0]
		if m.Error != "" {
			base.Counts, base.Problem = Counts{}, m.Error
			return base, nil
		}
		if len(m.Warnings) > 0 {
			return Baseline{}, fmt.Errorf("baseline: signal %q: Prometheus warned that its answer may be incomplete: %s", sig.Name, m.Warnings[0])
		}
		base.Counts = base.Counts.Plus(m.Total())
		for pod := range m.Pods {
			pods[pod] = true
		}
	}
	base.Pods = slices.Sorted(maps.Keys(pods))
	return base, nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
