package analyzer

import "fmt"

// State is what judging remembers between the ticks of one watch. Its zero value is the start of a watch.
type State struct {
	signals []signalState
}

type signalState struct {
	name       string
	sustained  SustainedState
	sequential SequentialState
	business   businessState
	rollout    rolloutState
	smoke      smokeState
}

// Judgement is the verdict on a release at one tick and the assessments behind it, one for each signal.
type Judgement struct {
	Verdict Verdict
	Reason  string
	Signals []Assessment
	// Evidence is that of all signals together: an e-value, of which a healthy release has 1 at the most on average.
	// Required is what acting without asking needs.
	Evidence, Required float64
	// Unproven says of a Regressed release that the evidence does not suffice to act without asking a person.
	Unproven bool
	// ProvenHealthy says that the release is proven to be within every limit.
	ProvenHealthy bool
}

// Step folds one tick into the state. It is pure: the same rules, baselines and ticks give the same judgements,
// live, after a restart and in a replay of history.
func Step(r Rules, baselines map[string]Baseline, st State, t Tick) (State, Judgement) {
	next := State{signals: make([]signalState, 0, len(r.Signals))}
	j := Judgement{Required: r.required(), Signals: make([]Assessment, 0, len(r.Signals))}
	claims := make([]claim, 0, len(r.Signals))
	for _, sig := range r.Signals {
		s, a, c := stepSignal(r, sig, baselines[sig.Name], st.of(sig.Name), t)
		next.signals = append(next.signals, s)
		j.Signals, claims = append(j.Signals, a), append(claims, c)
	}
	j.shareExcuse(r, next.signals, claims)
	excuseRollout(j.Signals, claims)
	excuseBusiness(r, next, j.Signals, claims)
	j.Evidence = together(r, next.signals)
	j.decide(r.Signals, claims)
	j.Verdict, j.Reason = combine(j.Signals)
	j.ProvenHealthy = next.provenHealthy(r, j)
	return next, j
}

// of returns what is remembered of a signal, or the start of a watch.
func (st State) of(signal string) signalState {
	for i := range st.signals {
		if st.signals[i].name == signal {
			return st.signals[i]
		}
	}
	return signalState{name: signal}
}

// stepSignal folds one tick into both engines of a signal.
func stepSignal(r Rules, sig Signal, base Baseline, st signalState, t Tick) (signalState, Assessment, claim) {
	var a Assessment
	var c claim
	switch sig.Kind {
	case KindBusiness:
		st.business, a, c = stepBusiness(r, sig, base, st.business, t)
		a.Evidence = st.business.evidence(sig)
		return st, st.business.byChance(sig, sig.scaled(a), c), c
	case KindRollout:
		st.rollout, a, c = stepRollout(r, sig, st.rollout, t)
		return st, a, c
	case KindSmoke:
		st.smoke, a, c = stepSmoke(sig, st.smoke, t)
		return st, a, c
	}
	st.sustained, a = stepSustained(sig, base, st.sustained, t)
	m := t.Signals[sig.Name]
	if out, _ := unusable(m, 0); out != "" {
		st.sequential = st.sequential.withoutTick(unmeasured(t, m, out, sig.Scrape), sig.Scrape)
		a.Evidence, a.RequiredEvidence = st.sequential.value(r), r.required()
		return st, a, claim{}
	}
	var n null
	st.sequential, n = stepSequential(r, sig, base, st.sequential, t)
	st.sequential, a, c = st.sequential.appraise(r, sig, base, n, a, t)
	return st, st.byChance(sig, base, a, c).withWarning(sig, base, st.sustained.total), c
}

// byChance keeps a signal healthy through single ticks over the limit, which chance brings now and then: the rule does not act
// yet, and the evidence speaks for the release.
func (st signalState) byChance(sig Signal, base Baseline, a Assessment, c claim) Assessment {
	enough := st.sustained.total.N >= sig.Rule.MinRequests && (sig.Kind == KindLatency || base.Counts.N >= sig.Rule.MinRequests)
	if a.Outcome == OutcomeOK && a.Counts.N == 0 && enough {
		a.Idle = len(st.sequential.breach.ticks) == 0 || st.sequential.guard.gathered.value() < suspicious
	}
	if sig.Strict || c.sustained || a.Outcome != OutcomeBreach || a.Verdict != Insufficient || a.Guard != "" || !enough {
		return a
	}
	gathered := st.sequential.guard.gathered.value()
	a.Brief = gathered < suspicious && a.Held <= a.Required
	if gathered < 1 && a.Brief {
		a.Verdict = Healthy
		a.Reason = fmt.Sprintf("%s, over the limit of %s, which so far is chance: the evidence against it is %s", a.measured(), a.limit(), significant(a.Evidence))
	}
	return a
}

// evidence is the signal's e-value; false if it is judged by other means.
func (st signalState) evidence(r Rules, sig Signal) (float64, bool) {
	switch {
	case sig.Strict, !sig.FromMetrics():
		return 0, false
	case sig.Kind == KindBusiness:
		return st.business.evidence(sig), true
	}
	return st.sequential.value(r), true
}

// together is the average of the signals' e-values, which is an e-value however the signals depend on each other.
func together(r Rules, states []signalState) float64 {
	var sum, n float64
	for i, sig := range r.Signals {
		if e, counts := states[i].evidence(r, sig); counts {
			sum, n = sum+e, n+1
		}
	}
	if n == 0 {
		return 1
	}
	return sum / n
}

// patience is how many times longer than the runbook says a breach is held before a person is asked: where it is real, the
// evidence mostly suffices by then.
const patience = 2

// decide makes of each signal's claim a verdict. The runbook's rule acts without asking only on enough evidence, asks a
// person on less, and on hardly any it was chance; with enough evidence a breach need not be held for as long as the rule
// wants (design.md, "Alpha holds"). Strict signals are outside of all this.
func (j *Judgement) decide(signals []Signal, claims []claim) {
	proven := false
	j.Unproven = true
	for i, c := range claims {
		a := &j.Signals[i]
		switch {
		case signals[i].Strict, !signals[i].FromMetrics():
			proven = proven || a.Verdict == Regressed && !c.doubtful
		case c.sustained && c.stale && j.Evidence >= suspicious:
			a.Verdict = Insufficient
			a.Reason += "; but what speaks against it is mostly of an earlier time"
		case c.sustained && c.brief && j.Evidence >= suspicious:
			a.Verdict = Insufficient
			a.Reason += fmt.Sprintf("; but most of it in about %s, which is too short to be more than a blip", wholeTicks(a.Breach))
		case (c.sustained || c.sequential) && !c.stale && a.Evidence >= suspicious && j.Evidence >= j.Required:
			a.Verdict, proven = Regressed, true
			if !c.sustained {
				a.Reason = fmt.Sprintf("%s for about %s; the limit is %s (%s); %s",
					a.measured(), wholeTicks(a.Breach), a.limit(), grounds(signals[i], *a), j.weight())
			}
		case c.sustained && j.Evidence >= suspicious && a.Held > patience*a.Required:
			a.Reason += "; " + j.weight() + ", so a person must decide"
		case c.sustained && j.Evidence >= suspicious:
			a.Verdict = Insufficient
			a.Reason += "; " + j.weight() + ", which it may yet come to"
		case c.sustained:
			a.Verdict = Insufficient
			a.Reason += "; but " + a.explained() + ": " + j.weight()
		}
	}
	j.Unproven = !proven
}

// explained says what may explain a breach that is not proven: what a healthy release may show at the most, by how it was before and
// how that scattered, or else chance.
func (a Assessment) explained() string {
	if a.Null > a.Limit && !over(a.Value, a.Null) && (a.Kind == KindErrorRate || a.Kind == KindLatency) {
		return fmt.Sprintf("by how it was before and how that scattered, a healthy release may come to %s", percent(a.Null))
	}
	return "chance may explain it"
}

// weight says in words what the evidence is worth.
func (j Judgement) weight() string {
	return fmt.Sprintf("the evidence of all signals together is %s, and acting without asking needs %s", significant(j.Evidence), significant(j.Required))
}

// AtEnd returns the verdict on a watch that ends with this judgement. A breach that has just begun, and that chance may
// explain, does not undo what all the ticks before it showed, and neither does a minute in which nobody asked.
func (j Judgement) AtEnd() (Verdict, string) {
	if j.Verdict != Insufficient {
		return j.Verdict, j.Reason
	}
	reason := ""
	for _, a := range j.Signals {
		switch {
		case a.Verdict == Healthy:
		case a.Verdict == Insufficient && a.Brief:
			reason = fmt.Sprintf("%s: %s, over the limit of %s, but only for the last %s, which chance may explain", a.Signal, a.measured(), a.limit(), wholeTicks(max(a.Held, a.Breach)))
		case a.Verdict == Insufficient && a.Idle:
			if reason == "" {
				reason = fmt.Sprintf("%s: %s, and nothing that was counted before speaks against the release", a.Signal, a.Reason)
			}
		default:
			return j.Verdict, j.Reason
		}
	}
	return Healthy, reason
}

// Measured returns how many events of a signal have been counted so far.
func (st State) Measured(signal string) uint64 {
	s := st.of(signal)
	return s.sustained.total.Plus(s.business.total).N
}

// byGravity lists the verdicts, the gravest first.
var byGravity = []Verdict{Regressed, External, SickPod, NoData, Insufficient, Healthy}

// combine takes the gravest verdict: one signal proven bad is enough, and a release is healthy only if every signal
// says so.
func combine(signals []Assessment) (Verdict, string) {
	for _, v := range byGravity {
		found := -1
		for i, a := range signals {
			if a.Verdict == v && (found < 0 || a.Pods == noPods) { // where there are no pods, that is why nothing is measured of them
				found = i
			}
		}
		if found >= 0 {
			return v, signals[found].Signal + ": " + signals[found].Reason
		}
	}
	return Insufficient, "the policy has no signal"
}
