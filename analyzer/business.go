package analyzer

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// Direction says which way a business metric gets worse.
type Direction string

// The directions.
const (
	// Falling is the default: orders, sign-ups.
	Falling Direction = "falling"
	Rising  Direction = "rising"
	Either  Direction = "either"
)

// byTime reports whether the signal is measured against the clock, and not against the requests of the same version: it then
// varies with the time of day, and so tells versions apart only for as long as its baseline reaches.
func (sig Signal) byTime() bool {
	return sig.Kind == KindBusiness && (sig.Query != "" || sig.Requests == "")
}

// ByTime reports whether the signal's value goes with how much of the service is measured, and not only with how well that
// does: a small part of it sells less, however good it is.
func (sig Signal) ByTime() bool { return sig.byTime() }

// businessState is what the judge remembers of a business metric between ticks. It is never changed in place.
type businessState struct {
	falling, rising evidence
	recent          []businessTick
	since           time.Time
	held            time.Duration
	gap             time.Duration
	total           Counts
	guard           guard
	// before is the evidence of both directions when the present breach began.
	before [2]evidence
	// why is what another signal excuses the present breach by, empty if none does.
	why string
}

type businessTick struct {
	at     time.Time
	counts Counts
	value  float64
}

// expected is how many events the trailing span holds over which a rate is compared.
const expected = 20

// longestTrail bounds that span.
const longestTrail = 15 * time.Minute

// stepBusiness folds one tick of a business metric: events per request or by time, or a number of its own.
func stepBusiness(r Rules, sig Signal, base Baseline, st businessState, t Tick) (businessState, Assessment, claim) {
	m := t.Signals[sig.Name]
	a := newAssessment(sig, base, t)
	usual, known := usualOf(sig, base)
	a.Baseline, a.Limit, a.Window = usual.value, usual.limit(sig, sig.Direction != Rising), usual.trail(sig, t).Seconds()
	if out, why := unusable(m, sig.Scrape); out != "" {
		st.gap += unmeasured(t, m, out, sig.Scrape)
		a.Outcome, a.Verdict, a.Reason = out, Insufficient, why
		if st.gap > 2*sig.Scrape {
			st.recent, st.since, st.held = nil, time.Time{}, 0
			a.Verdict = NoData
		}
		return st, st.describe(a, r), claim{}
	}
	st.gap = 0
	st.total = st.total.Plus(m.Total())
	st.recent = append(slices.DeleteFunc(slices.Clone(st.recent), func(b businessTick) bool {
		return !b.at.After(t.At.Add(-usual.trail(sig, t)))
	}), businessTick{at: t.At, counts: m.Total(), value: m.value()})
	a.Counts, a.Value = st.trailing(sig)
	if !known {
		a.Outcome, a.Verdict, a.Reason = OutcomeOK, Insufficient, usual.missing
		return st, st.describe(a, r), claim{}
	}
	if sig.byTime() && t.At.Sub(base.To) > base.To.Sub(base.From) {
		return businessState{total: st.total}, st.tooLate(a, sig, base), claim{}
	}
	return st.judge(r, sig, base, usual, a, t)
}

// tooLate says that a metric which is measured against the clock can no longer be compared with the time before.
func (st businessState) tooLate(a Assessment, sig Signal, base Baseline) Assessment {
	a.Outcome, a.Verdict = OutcomeOK, Healthy
	a.Reason = fmt.Sprintf("%s; it is compared with the time before the release for %s only, since it varies with the time of day",
		sig.wording(a.Value), base.To.Sub(base.From))
	return a
}

func (st businessState) judge(r Rules, sig Signal, base Baseline, usual usual, a Assessment, t Tick) (businessState, Assessment, claim) {
	down, beyond := usual.beyond(sig, a.Value)
	a.Limit = usual.limit(sig, down)
	if st.since.IsZero() {
		st.before, st.guard, st.why = [2]evidence{st.falling, st.rising}, guard{}, ""
	}
	st = st.weigh(r, sig, usual, t)
	if !beyond {
		st.since, st.held = time.Time{}, 0
		a.Outcome, a.Verdict = OutcomeOK, Healthy
		a.Reason = fmt.Sprintf("%s, within the limit of %s", sig.wording(a.Value), sig.figure(a.Limit))
		if sig.Query == "" && usual.value*float64(st.total.N) < expected {
			a.Verdict, a.Reason = Insufficient, fmt.Sprintf("about %.0f events were to be expected so far and %d are needed", usual.value*float64(st.total.N), expected)
		}
		return st, st.describe(a, r), claim{}
	}
	if st.since.IsZero() {
		st.since = t.From
	}
	st.held = t.At.Sub(st.since)
	a.Outcome = OutcomeBreach
	a.Verdict = Insufficient
	a.Reason = fmt.Sprintf("%s for %s; the limit is %s (%s)", sig.wording(a.Value), st.held, sig.figure(a.Limit), "before the release it was "+sig.figure(a.Baseline))
	a = st.describe(a, r)
	a.LeastBreach = r.leastBreach(t).Seconds()
	c := claim{sustained: st.held > sig.Rule.For, sequential: st.held >= r.leastBreach(t)}
	c.stale = st.evidence(sig) < suspicious*max(1, businessState{falling: st.before[0], rising: st.before[1]}.evidence(sig))
	if c.sustained {
		a.Verdict = Regressed
	}
	if ((c.sustained || c.sequential) && st.evidence(sig) >= suspicious || st.guard.excused != "") && r.Guarded {
		return st.look(sig, usual, a, c, t)
	}
	return st, a, c
}

// weigh adds what a tick says to the evidence of each direction that matters.
func (st businessState) weigh(r Rules, sig Signal, usual usual, t Tick) businessState {
	m, limit := t.Signals[sig.Name], r.tickLimit()
	if sig.Direction != Rising {
		st.falling = st.falling.times(usual.gains(sig, m, true), limit)
	}
	if sig.Direction == Rising || sig.Direction == Either {
		st.rising = st.rising.times(usual.gains(sig, m, false), limit)
	}
	return st
}

// evidence is the average over the directions that matter.
func (st businessState) evidence(sig Signal) float64 {
	switch sig.Direction {
	case Rising:
		return st.rising.value()
	case Either:
		return (st.falling.value() + st.rising.value()) / 2
	}
	return st.falling.value()
}

// look turns a claim away that the same time of an earlier day explains, or holds it until that is known.
func (st businessState) look(sig Signal, usual usual, a Assessment, c claim, t Tick) (businessState, Assessment, claim) {
	var found finding
	if st.guard, found = st.guard.hear(t.Around, sig.Name); found.why == "" {
		found.why = t.Around[sig.Name].asUsual(sig, usual.value, a.Value)
	}
	if found.why == "" {
		st.guard.stood = true
		return st, a, c
	}
	a.Guard, a.Verdict = found.why, External
	if found.waiting {
		a.Verdict = Insufficient
	} else {
		st.guard.excused = found.why
		st = st.withoutBreach()
	}
	a.Evidence = st.evidence(sig)
	a.Reason = fmt.Sprintf("%s, beyond the limit of %s, but %s", sig.wording(a.Value), sig.figure(a.Limit), found.why)
	return st, a, claim{}
}

// excuse returns why the present breach is not the release's doing, as another signal says or said, empty if none did.
func (st businessState) excuse(now string) string {
	if st.since.IsZero() {
		return ""
	}
	return cmp.Or(now, st.why)
}

// excused gives up the evidence of the present breach.
func (st businessState) excused(why string) businessState {
	st = st.withoutBreach()
	st.why = why
	return st
}

// byChance keeps the metric healthy while the evidence speaks for the release (see signalState.byChance).
func (st businessState) byChance(sig Signal, a Assessment, c claim) Assessment {
	if a.Outcome != OutcomeBreach || a.Verdict != Insufficient || a.Guard != "" || c.sustained {
		return a
	}
	a.Brief = a.Evidence < suspicious
	if a.Evidence < 1 {
		a.Verdict = Healthy
		a.Reason = fmt.Sprintf("%s, beyond the limit of %s, which so far is chance: the evidence against it is %s", a.measured(), a.limit(), significant(a.Evidence))
	}
	return a
}

// withoutBreach gives up what the present breach has added to the evidence.
func (st businessState) withoutBreach() businessState {
	st.falling, st.rising = st.falling.lesser(st.before[0]), st.rising.lesser(st.before[1])
	return st
}

// trailing is the value over the trailing span: events over exposure, or the median of the numbers.
func (st businessState) trailing(sig Signal) (Counts, float64) {
	var all Counts
	values := make([]float64, 0, len(st.recent))
	for _, b := range st.recent {
		all = all.Plus(b.counts)
		values = append(values, b.value)
	}
	if sig.Query != "" {
		return all, median(values)
	}
	ratio, _ := all.Ratio()
	return all, ratio
}

func (st businessState) describe(a Assessment, r Rules) Assessment {
	a.Held, a.Since, a.RequiredEvidence = st.held.Seconds(), st.since, r.required()
	a.Breach = st.held.Seconds()
	return a
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}
