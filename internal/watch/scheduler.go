package watch

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/incident"
)

// beat is how often the scheduler looks for ticks that are due. Ticks lie on whole seconds, so that looking more
// often would find nothing more.
const beat = 500 * time.Millisecond

// scheduler measures the due ticks of all watches. Watches that share a signal's query are measured by one query.
type scheduler struct {
	*Supervisor
	turns turns
	// smoke runs the smoke tests.
	smoke *smokeTests
	// refusals are what Prometheus would not answer.
	refusals refusals
}

func newScheduler(s *Supervisor) *scheduler {
	return &scheduler{Supervisor: s, smoke: newSmokeTests(s)}
}

// job is one watch whose ticks are due.
type job struct {
	actor *actor
	watch *Watch
	phase incident.Phase
	spans []analyzer.Span
	// pods are the watch's pods where their names do not tell; nil where they do.
	pods *podsByLabel
}

func (s *scheduler) run(ctx context.Context) {
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	var running sync.WaitGroup
	defer running.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case at := <-ticker.C:
			s.turns.forget(at)
			s.smoke.start(ctx, at, &running)
			for group, jobs := range s.group(s.reached(at)) {
				if s.turns.take(group, at) {
					running.Go(func() { s.serve(ctx, group, jobs, at) })
				}
			}
		}
	}
}

// reached is the time up to which ticks are due. A clock that runs ahead of that of Prometheus makes no ticks of the future, which
// nothing could be measured in: a watch would run to its end in a moment.
func (s *scheduler) reached(at time.Time) time.Time {
	if s.opts.Clock == nil {
		return at
	}
	return s.opts.Clock.Reached(at)
}

// group collects the due watches by the set of signals that they are judged by, and by how far behind they are.
func (s *scheduler) group(at time.Time) map[string][]job {
	groups := map[string][]job{}
	open := s.open()
	s.refusals.keep(open)
	for _, a := range open {
		if a.measuring.Load() {
			continue
		}
		w := a.view.Load()
		spans := w.due(at)
		if len(spans) == 0 {
			continue
		}
		phase := incident.PhaseWatch
		if w.State == Verifying {
			phase = incident.PhaseVerify
		}
		pods, ok := s.shown(w, phase)
		if !ok {
			continue
		}
		key := signalsKey(w.Policy.Signals) + behind(spans[0].From, at)
		if s.refusals.isApart(w.Key) {
			key += " " + w.Key
		}
		groups[key] = append(groups[key], job{actor: a, watch: w, phase: phase, spans: spans, pods: pods})
	}
	return groups
}

// reach is how far apart the oldest ticks may begin that one query asks for.
const reach = 15 * time.Minute

// behind tells watches that wait for old ticks from those that are up to date, and from each other by when their ticks
// begin. One query spans all that it is asked for: a single laggard, like a version that had been live for a day when it
// was announced, would make it a day long for everybody, and fail it for everybody where Prometheus refuses that.
func behind(from, at time.Time) string {
	if at.Sub(from) <= reach {
		return ""
	}
	return from.UTC().Truncate(reach).Format(time.RFC3339)
}

// signalsKey tells sets of signals apart by everything that their measuring depends on.
func signalsKey(signals []analyzer.Signal) string {
	asked := slices.Clone(signals)
	for i := range asked {
		asked[i].Name, asked[i].Rule, asked[i].Strict = "", analyzer.Sustained{}, false
		asked[i].Health, asked[i].Smoke = analyzer.Health{}, analyzer.Smoke{} // what is made of the counts, not how they come about
	}
	key, _ := json.Marshal(asked) // plain structs always encode
	return string(key)
}

// serve measures the jobs of a group in its turn.
func (s *scheduler) serve(ctx context.Context, group string, jobs []job, at time.Time) {
	if s.measure(ctx, jobs) {
		s.turns.giveBack(group, at, len(jobs), jobs[0].watch.Policy.Scrape())
	} else {
		s.turns.giveUp(group, time.Now())
	}
}

// measure samples every signal for all jobs of a group and hands each watch its ticks. Where Prometheus gives no
// answer the ticks stay due: they come late, and nothing else changes.
func (s *scheduler) measure(ctx context.Context, jobs []job) (answered bool) {
	subjects := make([]analyzer.Subject, len(jobs))
	for i, j := range jobs {
		subjects[i] = j.subject()
	}
	ticks, refused := emptyTicks(jobs), map[string]int{}
	for index, sig := range jobs[0].watch.Policy.Signals {
		found, err := s.sample(ctx, sig, subjects)
		if err != nil {
			if ctx.Err() == nil {
				s.opts.Log.Warn("Prometheus could not be asked; the ticks will be late", zap.Error(err), zap.Int("watches", len(jobs)))
			}
			return false
		}
		for _, j := range jobs {
			name := j.watch.Policy.Signals[index].Name
			for i, m := range found.got[j.watch.Key] {
				ticks[j.watch.Key][i].Signals[name] = m
			}
			if why, none := found.refused[j.watch.Key]; none {
				refused[j.watch.Key]++
				for i := range ticks[j.watch.Key] {
					ticks[j.watch.Key][i].Signals[name] = analyzer.Measurement{Error: why}
				}
			}
		}
	}
	if jobs = s.answered(jobs, ticks, refused); len(jobs) == 0 {
		return false
	}
	for _, j := range jobs {
		s.addHealth(j, ticks[j.watch.Key], time.Now())
		s.smoke.addRounds(j, ticks[j.watch.Key])
	}
	s.surveyAndDeliver(ctx, jobs, ticks)
	return true
}

func (j job) subject() analyzer.Subject {
	sub := j.pods.within(j.watch.judged(j.phase))
	sub.Spans = j.spans
	return sub
}

func emptyTicks(jobs []job) map[string][]analyzer.Tick {
	ticks := make(map[string][]analyzer.Tick, len(jobs))
	for _, j := range jobs {
		list := make([]analyzer.Tick, len(j.spans))
		for i, span := range j.spans {
			list[i] = analyzer.Tick{From: span.From, At: span.At, Signals: map[string]analyzer.Measurement{}}
		}
		ticks[j.watch.Key] = list
	}
	return ticks
}

func (s *scheduler) deliver(j job, ticks []analyzer.Tick) {
	j.actor.measuring.Store(true)
	if !j.actor.post(measured{phase: j.phase, ticks: ticks}) {
		j.actor.measuring.Store(false) // they stay due
		return
	}
	for _, t := range ticks {
		s.opts.Metrics.lag(time.Since(t.At))
	}
}
