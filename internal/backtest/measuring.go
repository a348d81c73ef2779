package backtest

import (
	"context"
	"slices"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// This file measures what a replay judges.

func (r *replay) seen() []sightings {
	var out []sightings
	for i, h := range r.histories {
		if h != nil {
			out = append(out, sightings{labels: r.policy.Signals[i].Labels, seen: h.Sightings()})
		}
	}
	return out
}

// read extends the histories of all signals, but not into the future.
func (r *replay) read(ctx context.Context, until time.Time) error {
	if until.After(r.Now) {
		until = r.Now
	}
	for _, h := range r.histories {
		if h == nil {
			continue
		}
		if err := r.Source.Extend(ctx, h, until); err != nil {
			return err
		}
	}
	return nil
}

// census is what was seen of the workload by now.
func (r *replay) census() sighted {
	if r.release.canary {
		return census(onlyCanary(r.event, r.seen()), r.event.Canary)
	}
	return census(r.seen(), r.event.Workload)
}

func (r *replay) subject(members analyzer.Members) analyzer.Subject {
	return analyzer.Subject{Key: "backtest", Namespace: r.event.Namespace, Workload: r.event.Workload, Release: members}
}

// switched is when the first request came to the new colour of a blue-green deployment. Its pods may have been there for a while,
// idle: it is the switch that releases them. Where none came until the given time it is the event's.
func (r *replay) switched(until time.Time) time.Time {
	sub := r.subject(r.release.members)
	sub.Fresh = true
	step := r.policy.Scrape()
	for from := r.release.t0; from.Before(until); from = from.Add(step) {
		sub.Spans = append(sub.Spans, analyzer.Span{From: from, At: from.Add(step)})
	}
	first := until
	for i, h := range r.histories {
		if h == nil || r.policy.Signals[i].ByTime() {
			continue
		}
		for j, m := range h.Measure(sub) {
			if from := sub.Spans[j].From; m.Total().N > 0 && from.Before(first) {
				first = from
			}
		}
	}
	if first.Equal(until) {
		return latest(r.release.t0, r.event.Timestamp)
	}
	return first
}

func (r *replay) measureBaselines(ctx context.Context) error {
	span := analyzer.Span{From: r.release.t0.Add(-r.policy.BaselineWindow), At: r.release.t0}
	r.baselines = make(map[string]analyzer.Baseline, len(r.histories))
	for i, sig := range r.policy.Signals {
		base, err := r.baseline(ctx, i, sig, span)
		if err != nil {
			return err
		}
		r.baselines[sig.Name] = base
		r.courses = append(r.courses, Course{Signal: sig, Baseline: base})
	}
	return nil
}

func (r *replay) baseline(ctx context.Context, i int, sig analyzer.Signal, span analyzer.Span) (analyzer.Baseline, error) {
	sub := r.subject(r.release.before())
	if h := r.histories[i]; h != nil {
		return h.Baseline(sub, span)
	}
	return r.Source.Baseline(ctx, sig, sub, span)
}

// ticks measures all signals over the spans.
func (r *replay) ticks(ctx context.Context, spans []analyzer.Span) ([]analyzer.Tick, error) {
	out := make([]analyzer.Tick, len(spans))
	for i, span := range spans {
		out[i] = analyzer.Tick{From: span.From, At: span.At, Signals: make(map[string]analyzer.Measurement, len(r.histories))}
	}
	sub := r.subject(r.release.members)
	sub.Control, sub.Spans, sub.Fresh, sub.Known = r.release.control, spans, r.release.fresh, r.known
	for i, sig := range r.policy.Signals {
		got, err := r.measure(ctx, i, sig, sub)
		if err != nil {
			return nil, err
		}
		for j, m := range got {
			out[j].Signals[sig.Name] = m
		}
	}
	for _, t := range out {
		r.known = watch.WithPods(r.known, t)
	}
	return out, nil
}

func (r *replay) measure(ctx context.Context, i int, sig analyzer.Signal, sub analyzer.Subject) ([]analyzer.Measurement, error) {
	if h := r.histories[i]; h != nil {
		return h.Measure(sub), nil
	}
	got, err := r.Source.Sample(ctx, sig, []analyzer.Subject{sub})
	return got[sub.Key], err
}

// suspicion names the workload, those that were deployed a short time before, and when the others were that have been since the
// release.
func (r *replay) suspicion(at time.Time) analyzer.Suspicion {
	sus := analyzer.Suspicion{Namespace: r.event.Namespace, Workload: r.event.Workload, Deployed: map[string]time.Time{}}
	since := r.release.t0.Add(-lead)
	first, _ := slices.BinarySearchFunc(r.beside.Others, since, func(o event.Event, t time.Time) int { return o.Timestamp.Compare(t) })
	for _, o := range r.beside.Others[first:] {
		if o.Timestamp.After(at.Add(lead)) { // most events come when the rollout is over
			break
		}
		for _, name := range deployedBy(o) {
			if name == r.event.Namespace+"/"+r.event.Workload {
				continue
			}
			sus.Deployed[name] = o.Timestamp
			if !o.Timestamp.Before(at.Add(-lead)) {
				sus.NewlyDeployed = append(sus.NewlyDeployed, name)
			}
		}
	}
	if r.event.Canary != "" {
		sus.NewlyDeployed = append(sus.NewlyDeployed, r.event.Namespace+"/"+r.event.Canary)
	}
	return sus
}

// deployedBy names the workloads that an event says are new: that of a canary is another.
func deployedBy(e event.Event) []string {
	out := []string{e.Namespace + "/" + e.Workload}
	if e.Canary != "" {
		out = append(out, e.Namespace+"/"+e.Canary)
	}
	return out
}
