package analyzer

import (
	"time"
)

// SustainedState is what the sustained rule remembers between ticks. Its zero value is the start of a watch. Step
// never changes a state in place, so any state can be kept and folded from again.
type SustainedState struct {
	recent []tickCounts
	// since is the first tick of the breach now held, held the span of the ticks after it.
	since      time.Time
	held       time.Duration
	heldCounts Counts
	// gap is how long nothing has been measured; total is everything measured so far.
	gap   time.Duration
	total Counts
}

type tickCounts struct {
	at      time.Time
	counts  Counts
	buckets row
}

// recentTicks is how many of the newest ticks must by themselves be in breach when a held breach is acted on: a
// breach that is over by then is none, though the trailing window may still show it.
const recentTicks = 3

// stepSustained folds one tick into the state of the runbook's rule and explains the result.
//
// A tick is in breach when the bad fraction over the trailing window is above the limit. Held time is the sum of the
// consecutive ticks with data in breach after the first one. One tick in between that is not in breach ends it, and
// so does a gap in the data of more than two scrapes. A shorter gap neither adds to it nor ends it.
func stepSustained(sig Signal, base Baseline, st SustainedState, t Tick) (SustainedState, Assessment) {
	m := t.Signals[sig.Name]
	a := newAssessment(sig, base, t)
	if out, why := unusable(m, sig.Scrape); out != "" {
		st = st.withoutData(unmeasured(t, m, out, sig.Scrape), sig.Scrape)
		a.Outcome, a.Verdict, a.Reason = out, Insufficient, why
		if st.gap > 2*sig.Scrape {
			a.Verdict = NoData
		}
		return st, st.describe(a)
	}
	st = st.withData(t, m, sig.Rule.Window)
	a.Counts = sum(st.recent)
	value, served := clamp(a.Counts).Ratio()
	a.Value = value
	a.QuantileValue = st.quantile(sig.Objective)
	if served && (base.Counts.N > 0 || sig.Kind == KindLatency) && over(value, a.Limit) {
		a.Outcome = OutcomeBreach
		st = st.inBreach(t, m.Total())
	} else {
		a.Outcome = OutcomeOK
		st.since, st.held, st.heldCounts = time.Time{}, 0, Counts{}
	}
	a = st.describe(a)
	a.Verdict, a.Reason = st.verdict(sig, base, a)
	return st, a
}

// Limit returns the bad fraction above which a tick is in breach: the baseline plus its relative or its absolute
// allowance, whichever is more.
func (r Sustained) Limit(baseline float64) float64 {
	return max(baseline*(1+r.Relative), baseline+r.Absolute)
}

// over reports whether a fraction is above the limit by more than the rounding of both to floating-point numbers.
func over(value, limit float64) bool { return value > limit*(1+1e-14) }

func newAssessment(sig Signal, base Baseline, t Tick) Assessment {
	ratio, _ := clamp(base.Counts).Ratio()
	a := Assessment{
		Signal: sig.Name, Kind: sig.Kind, At: t.At,
		Window:   sig.Rule.Window.Seconds(),
		Baseline: ratio, BaselineCounts: base.Counts,
		Limit:       sig.Rule.Limit(ratio),
		Required:    sig.Rule.For.Seconds(),
		MinRequests: sig.Rule.MinRequests,
	}
	if sig.Kind == KindLatency {
		a.Limit = 1 - sig.Objective.Quantile
		a.Quantile, a.SLO, a.LimitLatency = sig.Objective.Quantile, sig.Objective.SLO.Seconds(), sig.Objective.Limit().Seconds()
		a.BoundUnit = sig.Objective.Unit.Seconds()
	}
	return a
}

// unusable says why a measurement cannot be judged; the outcome is empty if it can.
func unusable(m Measurement, scrape time.Duration) (Outcome, string) {
	switch {
	case m.Error != "":
		return OutcomeError, "Prometheus gave no usable answer: " + m.Error
	case len(m.Warnings) > 0:
		return OutcomeError, "Prometheus warned that its answer may be incomplete: " + m.Warnings[0]
	case m.Samples == 0 && m.Value == nil:
		return OutcomeNoData, "Prometheus has no sample of the pods in this tick"
	case m.Gap && m.Total() == Counts{}:
		return OutcomeNoData, tooFar(scrape)
	}
	return "", ""
}

// unmeasured returns how much of an unusable tick lengthens the gap: all of it, less the scrape that came back.
func unmeasured(t Tick, m Measurement, out Outcome, scrape time.Duration) time.Duration {
	span := t.At.Sub(t.From)
	if out == OutcomeNoData && m.Gap {
		return max(0, span-scrape)
	}
	return span
}

func (st SustainedState) withoutData(span, scrape time.Duration) SustainedState {
	st.gap += span
	if st.gap > 2*scrape {
		st.recent, st.since, st.held, st.heldCounts = nil, time.Time{}, 0, Counts{}
	}
	return st
}

func (st SustainedState) withData(t Tick, m Measurement, window time.Duration) SustainedState {
	st.gap = 0
	st.total = st.total.Plus(m.Total())
	kept := make([]tickCounts, 0, len(st.recent)+1)
	for _, r := range st.recent {
		if r.at.After(t.At.Add(-window)) {
			kept = append(kept, r)
		}
	}
	var newest row
	if n := len(st.recent); n > 0 {
		newest = st.recent[n-1].buckets
	}
	st.recent = append(kept, tickCounts{at: t.At, counts: m.Total(), buckets: rowOf(m.Buckets, newest)})
	return st
}

func (st SustainedState) inBreach(t Tick, c Counts) SustainedState {
	st.heldCounts = st.heldCounts.Plus(c)
	if st.since.IsZero() {
		st.since = t.At
		return st
	}
	st.held += t.At.Sub(t.From)
	return st
}

func sum(ticks []tickCounts) Counts {
	var all Counts
	for _, t := range ticks {
		all = all.Plus(t.counts)
	}
	return all
}

// quantile estimates the objective's quantile over the trailing window, in seconds; zero if there is none to show.
func (st SustainedState) quantile(o Objective) float64 {
	all := Buckets{}
	for _, t := range st.recent {
		t.buckets.addTo(all)
	}
	value, ok := all.Quantile(o.Quantile)
	if !ok {
		return 0
	}
	return value * o.Unit.Seconds()
}

// newest returns the ticks that must by themselves be in breach; the window may hold fewer than there should be.
func (st SustainedState) newest() []tickCounts {
	return st.recent[max(0, len(st.recent)-recentTicks):]
}

// stillBreaching reports whether the newest ticks by themselves are above the limit.
func (st SustainedState) stillBreaching(limit float64) bool {
	value, served := clamp(sum(st.newest())).Ratio()
	return served && over(value, limit)
}

func (st SustainedState) describe(a Assessment) Assessment {
	a.Held, a.Since, a.HeldCounts = st.held.Seconds(), st.since, st.heldCounts
	return a
}
