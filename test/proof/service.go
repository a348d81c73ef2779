package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
)

// interval is the length of a tick, a usual scrape interval.
const interval = 15 * time.Second

// service is the traffic that releases are simulated on.
type service struct {
	// rate is requests a second, of which the fraction bad fails, or takes too long, while nothing is wrong.
	rate, bad float64
	// burst is the mean number of failures that come together.
	burst float64
	// beside is the share of the requests that the old version goes on serving beside the new one; 0 if it is gone.
	beside float64
	kind   analyzer.Kind
	// history is how long a baseline was measured.
	history time.Duration
}

func (s service) String() string {
	text := fmt.Sprintf("%g/s, %.3g %% failing in bursts of %g", s.rate, s.bad*100, s.burst)
	if s.beside > 0 {
		return text + ", two-sample"
	}
	return text + ", one-sample"
}

// stream draws what one version shows in one tick: the requests that went well and those that did not are independent.
type stream struct{ good, bad table }

func (s service) stream(share, bad float64) stream {
	requests := s.rate * share * interval.Seconds()
	return stream{good: bursts(requests*(1-bad), 1), bad: bursts(requests*bad, s.burst)}
}

func (s *stream) draw(rnd *rand.Rand) analyzer.Counts {
	k := s.bad.draw(rnd)
	return analyzer.Counts{N: s.good.draw(rnd) + k, K: k}
}

// plan is one kind of release on a service, with its distributions worked out.
type plan struct {
	service
	rules analyzer.Rules
	// ticks is how many are watched; from tick onset on the release is as bad as it is, before it is healthy.
	ticks, onset int

	baseline, control, healthy, faulty stream
}

const signalName = "signal"

// policy is the example configuration's.
func policy(kind analyzer.Kind, alpha, absolute float64) analyzer.Rules {
	sig := analyzer.Signal{
		Name: signalName, Kind: kind, Scrape: interval,
		Rule: analyzer.Sustained{Relative: 0.10, Absolute: absolute, Window: time.Minute, For: 5 * time.Minute, MinRequests: 100},
	}
	if kind == analyzer.KindLatency {
		sig.Objective = analyzer.Objective{Quantile: 0.95, SLO: 500 * time.Millisecond, Tolerance: 0.2, Unit: time.Second}
	}
	return analyzer.Rules{Alpha: alpha, Signals: []analyzer.Signal{sig}}
}

// newPlan returns the release that fails as often as healthy until onset and as often as faulty from then on.
func newPlan(s service, rules analyzer.Rules, length, onset time.Duration, healthy, faulty float64) *plan {
	return &plan{
		service: s, rules: rules, ticks: int(length / interval), onset: int(onset / interval),
		baseline: s.stream(1, s.bad), control: s.stream(s.beside, s.bad),
		healthy: s.stream(1-s.beside, healthy), faulty: s.stream(1-s.beside, faulty),
	}
}

// history draws what was measured before the deployment.
func (p *plan) drawBaseline(rnd *rand.Rand) analyzer.Baseline {
	b := analyzer.Baseline{Signal: signalName, Step: interval, Ticks: make([]analyzer.Counts, 0, int(p.history/interval))}
	for range cap(b.Ticks) {
		c := p.baseline.draw(rnd)
		b.Ticks, b.Counts = append(b.Ticks, c), b.Counts.Plus(c)
	}
	return b
}

// pair is what both versions show in a tick.
type pair struct{ release, control analyzer.Counts }

func (p *plan) drawTick(rnd *rand.Rand, i int) pair {
	release := &p.healthy
	if i >= p.onset {
		release = &p.faulty
	}
	out := pair{release: release.draw(rnd)}
	if p.beside > 0 {
		out.control = p.control.draw(rnd)
	}
	return out
}

// outcome is how a release ended: acted or asked is the number of the tick in which it was found bad, from 1 on, and 0 if it
// never was. acted is without asking a person.
type outcome struct{ acted, asked int16 }

// history is all that is drawn of one release.
type history struct {
	baseline analyzer.Baseline
	ticks    []pair
}

func (p *plan) draw(rnd *rand.Rand) history {
	h := history{baseline: p.drawBaseline(rnd), ticks: make([]pair, p.ticks)}
	for i := range h.ticks {
		h.ticks[i] = p.drawTick(rnd, i)
	}
	return h
}

// judge plays one release by the daemon's own function.
func (p *plan) judge(h history) outcome {
	baselines := map[string]analyzer.Baseline{signalName: h.baseline}
	pods, signals := map[string]analyzer.Counts{}, map[string]analyzer.Measurement{}
	var st analyzer.State
	var j analyzer.Judgement
	var out outcome
	start := time.Unix(1_700_000_000, 0)
	for i, t := range h.ticks {
		pods["new"] = t.release
		signals[signalName] = analyzer.Measurement{Samples: 1, Pods: pods, Control: t.control}
		from := start.Add(time.Duration(i) * interval)
		st, j = analyzer.Step(p.rules, baselines, st, analyzer.Tick{From: from, At: from.Add(interval), Signals: signals})
		switch {
		case j.Verdict != analyzer.Regressed:
		case !j.Unproven:
			out.acted = int16(i + 1)
			return out
		case out.asked == 0:
			out.asked = int16(i + 1)
		}
	}
	return out
}
