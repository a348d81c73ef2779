package watch

import (
	"context"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/event"
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
	end := t0.Truncate(5 * time.Second) // so that releases of about the same time ask the same
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

// mostSurveys is how many watches are looked around at the same time; mostly they all ask Prometheus the same.
const mostSurveys = 8

// surveyAndDeliver hands each watch its ticks. Those of suspected releases wait until it is known what happened around them,
// which keeps nobody else waiting.
func (s *scheduler) surveyAndDeliver(ctx context.Context, jobs []job, ticks map[string][]analyzer.Tick) {
	var running errgroup.Group
	running.SetLimit(mostSurveys)
	for _, j := range jobs {
		if !j.suspects() {
			s.deliver(j, ticks[j.watch.Key])
		}
	}
	for _, j := range jobs {
		if j.suspects() {
			running.Go(func() error {
				if surveyed := s.survey(ctx, j, ticks[j.watch.Key]); ctx.Err() == nil {
					s.deliver(j, surveyed)
				}
				return nil
			})
		}
	}
	_ = running.Wait() // nothing fails: what cannot be measured is in the ticks
}

// suspects reports whether any of the ticks of a job may need a look around.
func (j job) suspects() bool {
	if j.watch.State == Verifying || !j.watch.Policy.guarded() {
		return false
	}
	return len(j.spans) > 1 || len(j.watch.judge.Suspects(j.watch.policyNow().Rules())) > 0
}

// seldom is how many ticks there are to a look where several are due at once. If each were looked into, a Prometheus that
// answers more slowly than ticks come would never be caught up with.
const seldom = 3

// survey looks around a watch for its newest tick, and now and then for those before, which it judges for the purpose: what is
// suspected after one of them is looked into in the next.
func (s *scheduler) survey(ctx context.Context, j job, ticks []analyzer.Tick) []analyzer.Tick {
	w, policy := j.watch, j.watch.policyNow()
	st := w.judge
	for i, t := range ticks {
		if i < len(ticks)-1 && i%seldom != seldom-1 {
			st, _ = analyzer.Step(policy.Rules(), w.Baselines, st, t)
			continue
		}
		sus := analyzer.Suspicion{Namespace: w.Event.Namespace, Workload: w.Event.Workload, DaemonSet: w.Event.Kind == event.KindDaemonSet}
		sus.NewlyDeployed, sus.Deployed = s.deployed(w, t.At)
		ticks[i] = policy.Survey(ctx, s.opts.Sampler, w.Pin.T0, st, sus, t)
		for signal, around := range ticks[i].Around {
			if around.Error != "" && ctx.Err() == nil {
				s.opts.Log.Warn("what happens around a suspected release could not be measured",
					zap.String("error", around.Error), zap.String("watch", w.Key), zap.String("signal", signal))
			}
		}
		st, _ = analyzer.Step(policy.Rules(), w.Baselines, st, ticks[i])
	}
	return ticks
}

// deployed names the other workloads that were deployed or rolled back a short time before, also those whose watches
// are over: they may be bad themselves, or have been a moment ago. Of the others it says when they were deployed last, if that was
// after this one or a short time before it.
func (s *Supervisor) deployed(w *Watch, at time.Time) (lately []string, since map[string]time.Time) {
	named := map[string]bool{}
	since = map[string]time.Time{}
	add := func(o *Watch) {
		changed, name := o.AcceptedAt, o.workload().String()
		if o.Pin != nil {
			changed = o.Pin.T0
		}
		if at.Sub(changed) <= newly || at.Sub(o.LandedAt) <= newly {
			named[name] = true
		}
		if w.Pin != nil && changed.After(w.Pin.T0.Add(-newly)) && changed.After(since[name]) {
			since[name] = changed
		}
	}
	s.mu.RLock()
	for _, a := range s.actors {
		add(a.view.Load())
	}
	for _, o := range s.ended {
		add(&o)
	}
	s.mu.RUnlock()
	own := w.Event.Namespace + "/" + w.Event.Workload
	delete(named, own)
	delete(since, own)
	return slices.Sorted(maps.Keys(named)), since
}
