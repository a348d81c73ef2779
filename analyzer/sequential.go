package analyzer

import (
	"fmt"
	"math"
	"time"
)

// SequentialState is what the sequential engine remembers of one signal between ticks. Its zero value is the start of a
// watch; it is never changed in place.
type SequentialState struct {
	// ground is what the baseline gives, worked out at the first tick, as the baseline stays what it is.
	ground   *ground
	evidence evidence
	// spread is evidence by ticks that have failures, however many, where the baseline is scarce.
	spread evidence
	breach breach
	// newest are the last few ticks by themselves, with what the old version did in them.
	newest []pairedCounts
	// control is everything that the old version did beside the release.
	control Counts
	// expected is the same, with older ticks counting for less.
	expected struct{ n, k float64 }
	gap      time.Duration
	guard    guard
	// starts is when the release's pods were first counted, of latency, and starting says that the breach was not acted on as
	// they had just started.
	starts   starts
	starting bool
	// health is the evidence that the release is within its limit.
	health evidence
}

type pairedCounts struct{ release, control Counts }

func (p pairedCounts) plus(q pairedCounts) pairedCounts {
	return pairedCounts{p.release.Plus(q.release), p.control.Plus(q.control)}
}

// leastControl is the share of the release's requests that the old version must serve in a tick to decide it.
const leastControl = 0.05

// serves reports whether the old version served enough beside the release to be its control in this tick.
func (p pairedCounts) serves() bool {
	return p.control.N > 0 && float64(p.control.N) >= leastControl*float64(p.release.N)
}

// stepSequential folds one tick in that could be measured. The old version decides as long as it serves beside the new one,
// since whatever strikes both cancels out; otherwise the release is compared with the baseline.
func stepSequential(r Rules, sig Signal, base Baseline, st SequentialState, t Tick) (SequentialState, null) {
	m := t.Signals[sig.Name]
	pair := pairedCounts{release: clamp(m.Total()), control: clamp(m.Control)}
	if st.ground == nil {
		st.ground = groundOf(r, sig, base)
	}
	n := st.ground.beside(sig, st.control)
	if len(st.breach.ticks) == 0 {
		st.guard = guard{calm: st.evidence, gathered: st.evidence}
	}
	switch limit := r.tickLimit(); {
	case pair.release.N == 0:
	case pair.serves():
		g := twoSample(pair.release, pair.control, 1+sig.Rule.Relative, st.level(pair.control), st.ground.paired)
		st = st.weigh(g, limit)
		if len(st.breach.ticks) > 0 {
			st.guard.beside = st.guard.beside.times(g, limit)
		}
	case st.ground.known:
		st = st.weigh(oneSample(pair.release, n.limit, n.dispersion), limit)
	}
	st = st.withHealth(sig, base, pair.release, n.dispersion)
	st.spread = st.spread.times(st.ground.spread(pair.release), math.Inf(1))
	st.gap = 0
	st.control = st.control.Plus(pair.control)
	st.expected.n = recent*st.expected.n + float64(pair.control.N)
	st.expected.k = recent*st.expected.k + float64(pair.control.K)
	newest := make([]pairedCounts, 0, minBreachTicks)
	st.newest = append(append(newest, st.newest[max(0, len(st.newest)-minBreachTicks+1):]...), pair)
	if sig.Kind == KindLatency {
		st.starts = st.starts.with(t, m)
	}
	if st.over(sig, base) {
		st.breach = st.breach.with(t, m, pair, st.starts)
	} else {
		st = st.withBreachOver(sig, base, r.leastBreach(t))
	}
	return st, n
}

// withBreachOver ends a breach. One that was strong, but too short to act on, was no bad release, and neither was a slow start: what it
// has shown is given up, or chance would need to bring but a little more, some time later, for a healthy one to be rolled back.
func (st SequentialState) withBreachOver(sig Signal, base Baseline, least time.Duration) SequentialState {
	limit, _ := plainLimit(sig, base)
	if st.starting || st.guard.own.value() >= suspicious && !st.breach.lasted(least, limit) {
		st = st.withoutBreach()
	}
	st.breach, st.starting = breach{}, false
	return st
}

// weigh adds what a tick says to the evidence.
func (st SequentialState) weigh(g gains, limit float64) SequentialState {
	st.evidence, st.guard.gathered = st.evidence.times(g, limit), st.guard.gathered.times(g, limit)
	st.guard.own = st.guard.own.times(g, limit)
	return st
}

// What the old version is expected to show in a tick: what it showed in the ticks before, each counting for a tenth less than
// the next one, so that an incident that strikes both versions soon is what is expected; and in the first ticks, what the
// baseline had.
const (
	recent     = 0.9
	firstTicks = 8
	mostLevel  = 0.5
)

func (st SequentialState) level(control Counts) float64 {
	first := firstTicks * float64(control.N)
	return min(mostLevel, (first*st.ground.level+st.expected.k)/(first+st.expected.n))
}

// value is the e-value of the signal. A few bursts of failures look like a bad release, if failures are taken for independent
// of each other. Where the baseline holds too few to tell, they must be spread over so many ticks that these, too, are hard to
// explain: to two thirds of what is required, as logarithms go. The lesser of an e-value and anything else is one.
func (st SequentialState) value(r Rules) float64 {
	value := st.evidence.value()
	if st.ground != nil && st.ground.failing > 0 {
		value = min(value, st.spread.value()*math.Cbrt(r.required()))
	}
	return value
}

// withoutTick notes a tick that could not be measured: a breach is not known to have lasted through a longer gap.
func (st SequentialState) withoutTick(span, scrape time.Duration) SequentialState {
	st.gap += span
	if st.gap > 2*scrape {
		st.breach, st.newest = breach{}, nil
	}
	return st
}

// over reports whether the newest ticks are above the limit, by the baseline or the objective, and by the old version if it
// serves. A breach begins with a tick that is over the limit by itself.
func (st SequentialState) over(sig Signal, base Baseline) bool {
	all := st.newest[len(st.newest)-1]
	if len(st.breach.ticks) > 0 {
		all = st.breach.newest(st.newest)
	}
	value, served := all.release.Ratio()
	limit, known := plainLimit(sig, base)
	if control, ok := all.control.Ratio(); ok && all.serves() {
		if sig.Kind == KindErrorRate {
			limit, known = max(limit, sig.Rule.Limit(control)), true
		} else {
			limit = max(limit, control)
		}
	}
	return served && known && over(value, limit)
}

// plainLimit is the limit that is shown to people: of an objective the fraction that its quantile leaves, else the
// baseline with the policy's allowance.
func plainLimit(sig Signal, base Baseline) (float64, bool) {
	if sig.Kind == KindLatency {
		return 1 - sig.Objective.Quantile, true
	}
	ratio, ok := clamp(base.Counts).Ratio()
	return sig.Rule.Limit(ratio), ok && base.Problem == ""
}

// claim is what one signal says against a release, before the evidence of all signals is put together.
type claim struct {
	// sustained says that the runbook's rule asks for a rollback, sequential that the breach has been long enough.
	sustained, sequential bool
	// stale says that hardly any of the evidence is of the present breach: what an earlier one has shown, which was over
	// before it could be acted on, or was a single pod's, is not held against a few failures later.
	stale bool
	// brief says that the breach was strong for too short a time, though weaker ones went on before and after.
	brief bool
	// doubtful says of a smoke test that a person must decide.
	doubtful bool
}

// appraise completes an assessment by the sequential engine's numbers, turns away what is not the release's doing, and
// returns what remains of the claim.
func (st SequentialState) appraise(r Rules, sig Signal, base Baseline, n null, a Assessment, t Tick) (SequentialState, Assessment, claim) {
	least := r.leastBreach(t)
	a.Evidence, a.RequiredEvidence, a.Null = st.value(r), r.required(), n.limit
	a.Breach, a.LeastBreach = st.breach.length(a.Limit).Seconds(), certain*least.Seconds()
	if a.Since.IsZero() && len(st.breach.ticks) > 0 { // the sustained rule knows of none, for want of a baseline
		a.Since = st.breach.since
	}
	c := claim{sustained: a.Verdict == Regressed, sequential: st.breach.proven(least, a.Limit)}
	c.stale = st.guard.own.value() < suspicious
	c.brief = len(st.breach.ticks) > 0 && !st.breach.lasted(least, a.Limit)
	if sig.Strict {
		c.sequential = false
		return st, a, c
	}
	alike := (c.sequential || c.sustained) && n.why != "" && st.breach.weight(st.ground.plain, n.dispersion) >= r.required()
	st, found := st.look(r, sig, base, t, a.Limit)
	a.Evidence = st.value(r)
	told := st.guard.told && len(st.breach.ticks) > 0 && found.why != ""
	if !c.sustained && !(c.sequential && st.guard.gathered.value() >= suspicious) && !alike && !told {
		return st, a, c
	}
	if pod, sick := st.breach.sickPod(a.Limit); sick {
		return st, a.excuse(SickPod, fmt.Sprintf("nearly all of it is pod %s's alone; delete that pod, the version itself is well", pod)), claim{}
	}
	switch {
	case alike && !over(a.Value, n.limit):
		return st, a.excuse(External, n.why), claim{}
	case found.waiting && st.guard.gathered.value() < suspicious: // nothing hangs on the answer
		return st, a, c
	case found.waiting:
		return st, a.excuse(Insufficient, found.why), claim{}
	case found.why != "":
		st.guard.told = true
		return st, a.excuse(External, found.why), claim{}
	}
	st.guard.stood = true
	if st = st.whileStarting(sig, n, c); st.starting {
		a.Verdict = Insufficient
		a.Reason = fmt.Sprintf("%s, over the limit of %s, but of pods that have just started, and the less the longer they serve", a.measured(), a.limit())
		return st, a, claim{}
	}
	return st, a, c
}
