package analyzer

import (
	"cmp"
	"math"
	"time"
)

// This file tells a bad release from what strikes others too (detector.md 3c). It reads what was measured around the release
// in the very tick that would decide, so that a replay comes to the same. It only ever takes evidence away and holds claims
// back: whatever is said of others, no release is acted on that would not have been without it, and none earlier.

// guard is what remains between ticks of the question whether a breach is the release's doing.
type guard struct {
	// calm is the evidence before the breach. What is gathered during one that is not the release's doing is given up.
	calm evidence
	// gathered is what the evidence would be had none been given up: whether there is anything to excuse.
	gathered evidence
	// own is what this breach alone has brought, whatever was before it or is excused.
	own evidence
	// beside is what the old version alone says of this breach, where it served for a part of it. Something that both share
	// would have struck both. The first tick is left out: a pod of the one may have been scraped before an outage began, and a pod of
	// the other after it.
	beside evidence
	// excused says why the present breach was last found not to be the release's doing, empty if it was not. It holds
	// until an answer says otherwise.
	excused string
	// told says that a claim was turned away by that, so that as long as it holds the verdict says so.
	told bool
	// stood says that the last answer left a claim standing, silent for how many ticks there has been no answer.
	stood  bool
	silent int
	// unanswered counts the ticks in a row in which what happens around the release could not be measured.
	unanswered int
}

const (
	// mostUnanswered is for how many ticks a decision waits for a look around that fails.
	mostUnanswered = 4
	// settledTicks is how many ticks a release must have served before a breach for this not to come with the release.
	settledTicks = 2 * minBreachTicks
)

// Suspects returns the signals for which the next tick should say what happened around the release, each with the beginning
// of its breach.
func (st State) Suspects(r Rules) map[string]time.Time {
	out := map[string]time.Time{}
	if !r.Guarded {
		return out
	}
	for _, sig := range r.Signals {
		s := st.of(sig.Name)
		since, in := s.sequential.suspected(r, s.sustained)
		if sig.Kind == KindBusiness {
			b := s.business
			since, in = b.since, !b.since.IsZero() && b.why == "" && b.guard.doubts(r, b.evidence(sig))
		}
		if in && !sig.Strict {
			out[sig.Name] = since
		}
	}
	return out
}

// suspected reports whether the next tick should look into the breach, and when that began.
func (st SequentialState) suspected(r Rules, held SustainedState) (since time.Time, in bool) {
	switch {
	case st.besideControl():
		return since, false
	case len(st.breach.ticks) > 0:
		return st.breach.ticks[0].from, st.guard.doubts(r, st.evidence.value())
	}
	return held.since, held.held > 0 && st.guard.doubts(r, st.evidence.value())
}

// lookEvery is after how many ticks a breach that is excused is looked into again.
const lookEvery = 4

// doubts reports whether it is time to look around: when one more tick may bring the evidence that it takes to act, and while a
// breach is excused now and then.
func (g guard) doubts(r Rules, evidence float64) bool {
	if g.excused != "" {
		return g.silent >= lookEvery-1
	}
	return evidence >= min(suspicious, r.required()/math.Exp(r.tickLimit()))
}

// besideControl reports whether the old version tells enough of the breach for no one else to be asked: it served beside the
// release for most of it and still does, or for a part in which it did surely better. Once it is gone, an outage that strikes both and
// others too would be left to the release.
func (st SequentialState) besideControl() bool {
	ticks, paired := st.breach.ticks, 0
	if len(ticks) > 1 { // the first may show an outage in the one and not yet in the other
		ticks = ticks[1:]
	}
	for _, t := range ticks {
		if t.serves() {
			paired++
		}
	}
	still := len(ticks) == 0 || ticks[len(ticks)-1].serves()
	return still && 2*paired > len(ticks) || st.guard.beside.value() >= suspicious
}

// finding is what looking around a release came to; empty means that nothing speaks for it.
type finding struct {
	// why says why the breach is not laid to the release.
	why string
	// waiting says that this is for want of an answer only.
	waiting bool
}

// look reads what was measured around the release, and gives up the evidence of a breach that is not its doing.
func (st SequentialState) look(r Rules, sig Signal, base Baseline, t Tick, limit float64) (SequentialState, finding) {
	if !r.Guarded || st.besideControl() {
		st.guard.excused = ""
		return st, finding{}
	}
	settled, found := st.guard.calm.ticks >= settledTicks, finding{}
	if st.guard, found = st.guard.hear(t.Around, sig.Name); found.why == "" {
		release := Change{Before: clamp(base.Counts), During: st.breach.total()}
		before, _ := release.Before.Ratio()
		during, _ := release.During.Ratio()
		around := t.Around[sig.Name]
		found.why = cmp.Or(around.callee(sig, release, limit, settled), around.shared(sig, release), around.asUsual(sig, before, during))
	}
	if found.why != "" && !found.waiting {
		st = st.withoutBreach()
		st.guard.excused = found.why
	}
	return st, found
}

// excused says why the present breach is not the release's doing, also before it has been long enough for a verdict.
func (st SequentialState) excused() string {
	if len(st.breach.ticks) == 0 {
		return ""
	}
	return st.guard.excused
}

// hear notes whether there is an answer to what happens around the release. Without one, what was found out about the breach
// holds on: for as long as it goes on if it was excused, for a few ticks if it was not. Of a breach that nothing is known of, nothing is said until a look has failed too often.
func (g guard) hear(all map[string]Around, signal string) (guard, finding) {
	around, measured := all[signal]
	switch {
	case measured && around.Error == "":
		g.unanswered, g.silent, g.excused, g.stood = 0, 0, "", false
		return g, finding{}
	case measured:
		g.unanswered++
	}
	g.silent++
	switch {
	case g.stood && g.silent <= mostUnanswered:
		return g, finding{}
	case g.excused != "":
		return g, finding{why: g.excused}
	case !measured:
		return g, finding{"what happened elsewhere at the time is not known yet", true}
	case g.unanswered <= mostUnanswered:
		return g, finding{"what happened elsewhere at the time could not be measured: " + around.Error, true}
	}
	return g, finding{}
}

// withoutBreach gives up what the present breach has added to the evidence.
func (st SequentialState) withoutBreach() SequentialState {
	st.evidence = st.evidence.lesser(st.guard.calm)
	return st
}

// lesser takes of every bet the lesser worth of two times. It never exceeds e, now or later, so that it is no less valid.
func (e evidence) lesser(than evidence) evidence {
	for i := range e.bets {
		if than.ticks == 0 { // no fault can have begun yet
			than.bets[i] = shares[i] * (1 - lateShare)
		}
		e.bets[i] = min(e.bets[i], than.bets[i])
	}
	return e
}

func (b breach) total() Counts {
	var all Counts
	for _, t := range b.ticks {
		all = all.Plus(t.release)
	}
	return all
}

// shareExcuse excuses every signal's breach once one of them is found not to be the release's doing: what fails requests
// often makes others slow, which need not show in the same signal of others.
func (j *Judgement) shareExcuse(r Rules, states []signalState, claims []claim) {
	why := ""
	for i := range r.Signals {
		why = cmp.Or(why, states[i].sequential.excused())
	}
	if why == "" {
		return
	}
	for i, sig := range r.Signals {
		st := states[i]
		if seq := st.sequential; sig.Strict || len(seq.breach.ticks) == 0 || seq.besideControl() || seq.guard.excused != "" {
			continue
		}
		st.sequential = st.sequential.withoutBreach()
		states[i] = st
		a := &j.Signals[i]
		suspect := claims[i].sustained || claims[i].sequential && a.Evidence >= suspicious
		if a.Evidence, _ = st.evidence(r, sig); suspect {
			a.Verdict, a.Guard, a.Reason, claims[i] = External, why, a.Reason+", but "+why, claim{}
		}
	}
}

// Waiting reports whether a breach is not laid to the release only for want of knowing what happens around it.
func (a Assessment) Waiting() bool { return a.Verdict == Insufficient && a.Guard != "" }

// excuse turns a claim away.
func (a Assessment) excuse(v Verdict, why string) Assessment {
	a.Verdict, a.Guard = v, why
	a.Reason = a.measured() + ", over the limit of " + a.limit() + ", but " + why
	return a
}
