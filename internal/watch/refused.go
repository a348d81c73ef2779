package watch

import (
	"context"
	"maps"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/analyzer"
)

// This file holds what is done where Prometheus answers, but refuses one question: a selector that it does not read, or too many
// samples. What is refused is missing, and nothing else is.

const (
	// mostParts bounds how many questions one that was refused is divided into at a tick.
	mostParts = 32
	// refusedAgain is how often it is logged that a signal is refused.
	refusedAgain = 10 * time.Minute
	// refusedFor is for how long a baseline is asked for again that is refused, before the watch goes on without it.
	refusedFor = time.Minute
)

// refusals remember what was refused.
type refusals struct {
	mu sync.Mutex
	// apart are the watches of which everything was refused: they are asked for alone, and more and more seldom.
	apart map[string]bool
	// logged is when each signal's refusal was logged.
	logged map[string]time.Time
}

func (r *refusals) isApart(watch string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.apart[watch]
}

func (r *refusals) put(watch string, apart bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case !apart:
		delete(r.apart, watch)
	case r.apart == nil:
		r.apart = map[string]bool{watch: true}
	default:
		r.apart[watch] = true
	}
}

// keep forgets the watches that are not open any more.
func (r *refusals) keep(open []*actor) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.apart) == 0 {
		return
	}
	kept := map[string]bool{}
	for _, a := range open {
		if key := a.view.Load().Key; r.apart[key] {
			kept[key] = true
		}
	}
	r.apart = kept
}

// news reports whether it is to be logged that a signal is refused.
func (r *refusals) news(signal string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if last, known := r.logged[signal]; known && now.Sub(last) < refusedAgain {
		return false
	}
	if r.logged == nil {
		r.logged = map[string]time.Time{}
	}
	r.logged[signal] = now
	return true
}

// sampled is what one signal came to for the subjects of a group.
type sampled struct {
	got map[string][]analyzer.Measurement
	// refused says why Prometheus refuses a subject's part, by the subject's key.
	refused map[string]string
}

// sample measures one signal. Where Prometheus refuses the question, it is asked in halves until those are found that it refuses
// alone; one that it cannot read it would not read in parts either. An error means that nothing is known.
func (s *scheduler) sample(ctx context.Context, sig analyzer.Signal, subjects []analyzer.Subject) (sampled, error) {
	out := sampled{got: map[string][]analyzer.Measurement{}, refused: map[string]string{}}
	left := mostParts
	var ask func([]analyzer.Subject) error
	ask = func(part []analyzer.Subject) error {
		got, err := s.opts.Sampler.Sample(ctx, sig, part)
		s.opts.Metrics.sampled(err)
		left--
		if !analyzer.Refused(err) {
			maps.Copy(out.got, got)
			return err
		}
		if len(part) == 1 || left <= 0 || analyzer.Unreadable(err) {
			for _, sub := range part {
				out.refused[sub.Key] = err.Error()
			}
			return nil
		}
		half := len(part) / 2
		if err := ask(part[:half]); err != nil {
			return err
		}
		return ask(part[half:])
	}
	if err := ask(subjects); err != nil {
		return sampled{}, err
	}
	for _, why := range out.refused {
		if s.refusals.news(sig.Name+" "+sig.Requests+sig.Histogram+sig.Events+sig.Query, time.Now()) {
			s.opts.Log.Warn("Prometheus refuses a signal's query; the other signals are judged without it",
				zap.String("signal", sig.Name), zap.String("error", why), zap.Int("watches", len(out.refused)))
		}
		break
	}
	return out, nil
}

// answered leaves out the jobs of which every signal was refused. Their ticks stay due, as nothing is known of them.
func (s *scheduler) answered(jobs []job, ticks map[string][]analyzer.Tick, refused map[string]int) []job {
	var out []job
	for _, j := range jobs {
		key, fromMetrics := j.watch.Key, 0
		for _, sig := range j.watch.Policy.Signals {
			if sig.FromMetrics() {
				fromMetrics++
			}
		}
		apart := fromMetrics > 0 && refused[key] == fromMetrics
		s.refusals.put(key, apart)
		if !apart {
			out = append(out, j)
			continue
		}
		delete(ticks, key)
	}
	return out
}

// refusedBaseline says of a baseline that was refused that it is none, once asking again has not helped: the other signals have
// one, and are not to wait for ever.
func (a *actor) refusedBaseline(sig analyzer.Signal, span analyzer.Span, err error) (analyzer.Baseline, bool) {
	if !analyzer.Refused(err) || !analyzer.Unreadable(err) && time.Since(a.watch.Since) < refusedFor {
		return analyzer.Baseline{}, false
	}
	return analyzer.Baseline{Signal: sig.Name, From: span.From, To: span.At, Problem: err.Error()}, true
}
