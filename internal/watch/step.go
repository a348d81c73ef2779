package watch

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/rollback"
)

// This file holds how a canary grows: events that announce a larger step of what is being watched.
//
// Each step is a new look at the release. With it the stages begin anew, and so does the judging: that 5 % of the users
// were served well does not speak for a version that fails under the load of half of them, and what has been gathered in
// its favour would have to be used up before anything could be held against it. What was gathered against it is dropped
// too; there is more traffic now to gather it again.
//
// Alpha still bounds the chance that a healthy deployment is acted on, over all of its looks together. Starting evidence
// anew is another chance for it to be wrong, so that the looks share alpha: the k-th one gets alpha/(k·(k+1)), of which
// the sum is alpha for ever, however many steps there are. Nobody has to say beforehand how many these will be, and
// evidence need only be twice as large in the first one and six times in the second, which a bad release reaches within a
// tick or two more.

// Step is how large a canary became while it was watched.
type Step struct {
	At      time.Time `json:"at"`
	Percent int       `json:"percent"`
	// Key is the key that the event would have had as a watch of its own, and Document the event.
	Key      string          `json:"key"`
	Document json.RawMessage `json:"document"`
}

// stepped: an event announces a larger step of the canary.
type stepped struct {
	event    event.Event
	accepted incident.Accepted
	// stored, if there is one, is closed once the journal holds it.
	stored chan struct{}
}

func (stepped) isInput() {}

// stepped records a step, once. It is a new look only while the release is on trial: what was proven bad is not judged anew
// because there is more of it.
func (s *step) stepped(in stepped) {
	if !event.Advances(s.watch.announced(), in.event) {
		return
	}
	entry := &incident.Step{Percent: in.event.Step, Accepted: &in.accepted, Key: in.event.Key()}
	if s.watch.State == Watching {
		entry.Look = s.watch.nextLook()
	}
	s.add(incident.Entry{Kind: incident.KindStep, Step: entry})
}

// lookAgain begins the watch of a canary that was watched before with another look, not with the first one.
func (s *step) lookAgain(past []rollback.PastWatch) {
	looks := 0
	for _, p := range past {
		if p.Hash == s.watch.Pin.Release.Hash {
			looks = max(looks, p.Looks)
		}
	}
	if s.watch.canary() != nil && looks > 0 {
		s.add(incident.Entry{Kind: incident.KindStep, Step: &incident.Step{Percent: s.watch.Event.Step, Look: looks + 1}})
	}
}

// applyStep folds in a step.
func (w Watch) applyStep(e incident.Entry) Watch {
	if a := e.Step.Accepted; a != nil {
		w.Steps = append(slices.Clip(w.Steps), Step{At: e.At, Percent: e.Step.Percent, Key: e.Step.Key, Document: a.Event})
	}
	if e.Step.Look > 0 {
		w.Look, w.LookAt = e.Step.Look, e.At
		w.judge, w.judgement, w.PassedActive = analyzer.State{}, analyzer.Judgement{}, false
	}
	return w
}

// look is the number of the present look, the first being 1.
func (w Watch) look() int { return max(1, w.Look) }

// nextLook is the number of the look that begins now. One in which nothing was judged was none.
func (w Watch) nextLook() int {
	if len(w.judgement.Signals) == 0 {
		return w.look()
	}
	return w.look() + 1
}

// percent is how large the canary was last said to be; zero if nobody has said so.
func (w Watch) percent() int {
	if n := len(w.Steps); n > 0 {
		return w.Steps[n-1].Percent
	}
	return w.Event.Step
}

// announced is what the events say of the canary by now.
func (w Watch) announced() event.Event {
	e := w.said()
	e.Step = w.percent()
	return e
}

// begin is when the present look at the release began: with the deployment, or with the newest step of a canary.
func (w Watch) begin() time.Time {
	if w.LookAt.After(w.Pin.T0) {
		return w.LookAt
	}
	return w.Pin.T0
}

// policyNow is the policy of the present look.
func (w Watch) policyNow() Policy {
	p := w.Policy
	if w.canary() == nil {
		return p
	}
	if p.Alpha <= 0 {
		p.Alpha = analyzer.DefaultAlpha
	}
	k := float64(w.look())
	p.Alpha /= k * (k + 1)
	if window := p.Canary.window(w.percent()); window > 0 {
		p.Stages = within(p.Stages, window)
	}
	return p
}

// window is how long a canary of so many per cent is watched; zero where the stages say so.
func (p CanaryPolicy) window(percent int) time.Duration {
	for _, s := range p.Steps {
		if percent > 0 && percent <= s.UpTo {
			return s.Watch
		}
	}
	return 0
}

// within lets the stages end after a time: the last one is cut short, or goes on for longer.
func within(stages []Stage, window time.Duration) []Stage {
	out := slices.Clone(stages)
	for i := range out {
		if out[i].Until >= window || i == len(out)-1 {
			out[i].Until = window
			return out[:i+1]
		}
	}
	return out
}

// advance hands an event that announces a larger step of a canary to the watch that follows it, and returns once the
// journal holds it. It reports false if the event is for a watch of its own.
func (s *Supervisor) advance(ctx context.Context, e event.Event, m Published) (taken bool, err error) {
	if e.Strategy != event.StrategyCanary || event.CheckAge(e, now(), s.window()) != nil {
		return false, nil
	}
	for _, w := range s.Watches() {
		for _, known := range w.Steps {
			if known.Key == e.Key() {
				return true, known.again(e)
			}
		}
	}
	for _, a := range s.open() {
		w := a.view.Load()
		if w.State.Final() || w.Unwatched != "" || !event.Advances(w.announced(), e) {
			continue
		}
		s.opts.Log.Info("a canary has become larger", zap.String("watch", w.Key), zap.String("workload", w.workload().String()), zap.Int("percent", e.Step))
		in := stepped{event: e, stored: make(chan struct{}),
			accepted: incident.Accepted{Subject: m.Subject, StreamSeq: m.Seq, Event: m.Data, Policy: w.Policy.Name}}
		return true, a.hand(ctx, in, in.stored)
	}
	return false, nil
}

// again tells the publisher of a step that was taken in before what to make of it.
func (s Step) again(e event.Event) error {
	known, err := event.Parse(s.Document)
	if err != nil || event.SameBody(known, e) || event.Completes(known, e) || event.Completes(e, known) {
		return nil
	}
	return conflict(e)
}
