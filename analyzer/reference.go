package analyzer

import (
	"context"
	"time"
)

const (
	day = 24 * time.Hour
	// leastReference is the least span in which the value of an earlier day is taken, as it need not come to the minute.
	leastReference = 10 * time.Minute
)

// references measures what the workload, whatever its version was, showed on the two days before and a week ago.
func (s *Sampler) references(ctx context.Context, sig Signal, sus Suspicion) ([]Reference, error) {
	var out []Reference
	for _, ago := range []time.Duration{day, 2 * day, 7 * day} {
		before, err := s.usualValue(ctx, sig, sus, shifted(sus.Before, ago))
		if err != nil {
			return nil, err
		}
		during, err := s.usualValue(ctx, sig, sus, shifted(widened(sus.During), ago))
		if err != nil {
			return nil, err
		}
		if before > 0 && during > 0 {
			out = append(out, Reference{Ago: ago, Before: before, During: during})
		}
	}
	return out, nil
}

func shifted(s Span, ago time.Duration) Span { return Span{From: s.From.Add(-ago), At: s.At.Add(-ago)} }

// widened makes a span long enough to hold what comes about the same time every day. It never reaches into the future of the
// day that it is compared with.
func widened(s Span) Span {
	if s.At.Sub(s.From) < leastReference {
		s.From = s.At.Add(-leastReference)
	}
	return s
}

// usualValue is the value of a signal over a span for the whole workload, zero if nothing is known. It is asked for once a
// minute, and not for every tick of a breach.
func (s *Sampler) usualValue(ctx context.Context, sig Signal, sus Suspicion, span Span) (float64, error) {
	span = Span{From: span.From.Truncate(time.Minute), At: span.At.Truncate(time.Minute)}
	q := sig.ask(span)
	q.namespace, q.workload = sus.Namespace, sus.Workload
	return s.earlier.get(ctx, q, func() (float64, error) { return s.valueOver(ctx, sig, sus, span) })
}

func (s *Sampler) valueOver(ctx context.Context, sig Signal, sus Suspicion, span Span) (float64, error) {
	sub := Subject{Key: "reference", Namespace: sus.Namespace, Workload: sus.Workload, Release: Members{whole: true}, Spans: []Span{span}}
	if sig.Query != "" {
		values, err := s.numbers(ctx, sig, sub, span, max(sig.Scrape, span.At.Sub(span.From)/10))
		return orZero(median(finite(values))), err
	}
	got, err := s.Sample(ctx, sig, []Subject{sub})
	if err != nil || len(got[sub.Key]) == 0 {
		return 0, err
	}
	ratio, _ := got[sub.Key][0].Total().Ratio()
	return ratio, nil
}

func orZero(v float64) float64 {
	if v != v { // NaN
		return 0
	}
	return v
}
