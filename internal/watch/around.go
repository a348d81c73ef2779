package watch

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/analyzer"
)

// This file looks around a release that is suspected, before anything is laid to it.

const (
	// usual is how long before a deployment the others' normal course is measured.
	usual = 10 * time.Minute
	// newly is how recently a workload must have been deployed to say nothing of what is usual.
	newly = 15 * time.Minute
)

// Surveyor measures what happens around suspected releases.
type Surveyor interface {
	Around(ctx context.Context, sig analyzer.Signal, dep *analyzer.Dependencies, sus analyzer.Suspicion) (analyzer.Around, error)
}

// Survey adds to a tick what happened around the release, for the signals that are suspected before it. What cannot be
// measured says so in the tick, so that a replay of the ticks comes to the same judgements.
func (p Policy) Survey(ctx context.Context, by Surveyor, t0 time.Time, st analyzer.State, sus analyzer.Suspicion, t analyzer.Tick) analyzer.Tick {
	suspects := st.Suspects(p.Rules())
	if len(suspects) == 0 {
		return t
	}
	t.Around = make(map[string]analyzer.Around, len(suspects))
	end := t0.Truncate(time.Minute) // so that releases of the same minute ask the same
	sus.Peers = p.Peers
	sus.Before = analyzer.Span{From: end.Add(-usual), At: end}
	for _, sig := range p.Signals {
		since, suspected := suspects[sig.Name]
		if !suspected {
			continue
		}
		sus.During = analyzer.Span{From: since, At: t.At}
		around, err := by.Around(ctx, sig, p.Dependencies, sus)
		if err != nil {
			around = analyzer.Around{Error: err.Error()}
		}
		t.Around[sig.Name] = around
	}
	return t
}

// survey looks around a watch for each of its ticks, which it judges for the purpose: what is suspected after one of them
// is looked into in the next.
func (s *scheduler) survey(ctx context.Context, j job, ticks []analyzer.Tick) []analyzer.Tick {
	w := j.watch
	if w.State == Verifying || !w.Policy.guarded() {
		return ticks
	}
	st := w.judge
	for i, t := range ticks {
		sus := analyzer.Suspicion{Namespace: w.Event.Namespace, Workload: w.Event.Workload, NewlyDeployed: s.newlyDeployed(w, t.At)}
		ticks[i] = w.Policy.Survey(ctx, s.opts.Sampler, w.Pin.T0, st, sus, t)
		for signal, around := range ticks[i].Around {
			if around.Error != "" {
				s.opts.Log.Warn("what happens around a suspected release could not be measured",
					zap.String("error", around.Error), zap.String("watch", w.Key), zap.String("signal", signal))
			}
		}
		st, _ = analyzer.Step(w.Policy.Rules(), w.Baselines, st, ticks[i])
	}
	return ticks
}

// newlyDeployed names the other workloads of the watch's namespace that were deployed a short time before.
func (s *Supervisor) newlyDeployed(w *Watch, at time.Time) []string {
	var out []string
	for _, a := range s.open() {
		o := a.view.Load()
		if o.Event.Namespace == w.Event.Namespace && o.Event.Workload != w.Event.Workload && o.Pin != nil &&
			at.Sub(o.Pin.T0) <= newly {
			out = append(out, o.Event.Workload)
		}
	}
	return out
}
