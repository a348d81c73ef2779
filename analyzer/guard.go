package analyzer

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// This file tells a bad release from what strikes others too (detector.md 3c). It reads what was measured around the release
// in the very tick that would decide, so that a replay comes to the same.

// guard is what remains between ticks of the question whether a breach is the release's doing.
type guard struct {
	// calm is the evidence before the breach. What is gathered during one that is not the release's doing is given up.
	calm evidence
	// excused says that the present breach was last found not to be the release's doing.
	excused bool
	// why is what it was last excused by.
	why string
	// age counts the ticks since it was last looked into.
	age int
	// unanswered counts the ticks in a row in which nothing around the release could be measured.
	unanswered int
}

const (
	// sharedPart is the part of the peers that must have grown worse for an outage to be a shared one, sharedPeers the least
	// number of them.
	sharedPart  = 0.3
	sharedPeers = 2
	// farWorst is how many times worse than the peers a release must be for theirs to be its doing, and not the reverse.
	farWorst = 3
	// calleePart is the part of a release's failures that failures of a workload it calls must make up to explain them.
	calleePart = 0.5
	// mostUnanswered is for how many ticks a decision waits for a look around that fails.
	mostUnanswered = 4
	// lookEvery is after how many ticks a breach that is excused is looked into again.
	lookEvery = 4
	// doubtful is the evidence from which on a signal is looked into, a little before it can act.
	doubtful = 5
)

// Suspects returns the signals for which the next tick should say what happened around the release, each with the beginning
// of its breach.
func (st State) Suspects(r Rules) map[string]time.Time {
	out := map[string]time.Time{}
	if !r.Guarded {
		return out
	}
	for _, sig := range r.Signals {
		s := st.signals[sig.Name]
		since, in := s.sequential.suspected(s.sustained)
		if sig.Kind == KindBusiness {
			since, in = s.business.suspected(sig)
		}
		if in && !sig.Strict {
			out[sig.Name] = since
		}
	}
	return out
}

// suspected reports whether the next tick should look into the breach, and when that began.
func (st SequentialState) suspected(held SustainedState) (since time.Time, in bool) {
	if st.breach.besideControl() {
		return since, false
	}
	switch {
	case len(st.breach.ticks) > 0:
		since = st.breach.ticks[0].from
	case held.held > 0:
		since = held.since
	default:
		return since, false
	}
	return since, st.guard.doubts(st.evidence.value())
}

func (st businessState) suspected(sig Signal) (since time.Time, in bool) {
	return st.since, !st.since.IsZero() && st.why == "" && st.guard.doubts(st.evidence(sig))
}

// doubts reports whether it is time to look around: when there is evidence, and while a breach is excused now and then.
func (g guard) doubts(evidence float64) bool {
	if g.excused {
		return g.age >= lookEvery-1
	}
	return evidence >= doubtful
}

// besideControl reports whether the old version served beside the release for most of the breach: then nothing that strikes
// both can look like the release's doing, and no one else need be asked.
func (b breach) besideControl() bool {
	paired := 0
	for _, t := range b.ticks {
		if t.paired {
			paired++
		}
	}
	return 2*paired > len(b.ticks)
}

// look decides from what was measured around the release whether a claim stands. It returns why not, empty if it does, and
// whether that is for want of an answer only.
func (st SequentialState) look(r Rules, sig Signal, base Baseline, t Tick, limit float64) (next SequentialState, why string, waiting bool) {
	if !r.Guarded || st.breach.besideControl() {
		return st, "", false
	}
	around := t.Around[sig.Name]
	why, waiting = st.guard.answer(t.Around, sig.Name)
	if why == "" {
		release := Change{Before: clamp(base.Counts), During: st.breach.total()}
		before, _ := release.Before.Ratio()
		during, _ := release.During.Ratio()
		why = cmp.Or(around.callee(sig, release, limit), around.shared(sig, release), around.asUsual(sig, before, during))
	}
	calm := st.guard.calm
	st.guard = st.guard.after(t.Around, sig.Name, why)
	if st.guard.excused {
		st.evidence = calm
	}
	return st, why, waiting
}

// answer says why a claim must wait for a look around, empty if it need not: there was one, or there have been too many that
// failed.
func (g guard) answer(all map[string]Around, signal string) (why string, waiting bool) {
	around, measured := all[signal]
	switch {
	case !measured && g.excused:
		return g.why, false
	case !measured:
		return "what happened elsewhere at the time is not known yet", true
	case around.Error != "" && g.unanswered < mostUnanswered:
		return "what happened elsewhere at the time could not be measured: " + around.Error, true
	}
	return "", false
}

// after remembers what came of a look around.
func (g guard) after(all map[string]Around, signal string, why string) guard {
	around, measured := all[signal]
	switch {
	case !measured:
		g.age++
	case around.Error != "":
		g.unanswered++
	default:
		g.unanswered, g.age, g.excused, g.why = 0, 0, why != "", why
	}
	return g
}

func (b breach) total() Counts {
	var all Counts
	for _, t := range b.ticks {
		all = all.Plus(t.counts)
	}
	return all
}

// rose reports whether a change is surely for the worse.
func (c Change) rose(sig Signal) bool {
	before, during := clamp(c.Before), clamp(c.During)
	if before.N == 0 || during.N == 0 {
		return false
	}
	e := evidence{}.times(twoSample(during, before, 1+sig.Rule.Relative, 1), 1e9)
	ratio, _ := during.Ratio()
	usual, _ := before.Ratio()
	return e.value() >= suspicious && over(ratio, sig.Rule.Limit(usual))
}

// excess is by how much the bad fraction is above what it was.
func (c Change) excess() float64 {
	during, _ := clamp(c.During).Ratio()
	before, _ := clamp(c.Before).Ratio()
	return max(0, during-before)
}

// shared reports whether other workloads grew worse at the same time, which no release of this one explains.
func (a Around) shared(sig Signal, release Change) string {
	var affected []Peer
	able := 0
	for _, p := range a.Peers {
		switch {
		case p.rose(sig):
			affected = append(affected, p)
			able++
		case release.excess()*float64(p.During.N) >= sickExpects:
			able++ // it would have shown the same
		}
	}
	if len(affected) < sharedPeers || float64(len(affected)) < sharedPart*float64(able) {
		return ""
	}
	slices.SortFunc(affected, func(p, q Peer) int {
		switch {
		case p.excess() > q.excess():
			return -1
		case p.excess() < q.excess():
			return 1
		}
		return 0
	})
	if release.excess() > farWorst*affected[len(affected)/2].excess() {
		return ""
	}
	return fmt.Sprintf("%d of %d other workloads grew worse at the same time, %s among them, so that something they share is failing",
		len(affected), able, affected[0].Workload)
}

// callee reports whether the failures of a workload that the release calls explain those of the release.
func (a Around) callee(sig Signal, release Change, limit float64) string {
	if sig.Kind != KindErrorRate {
		return ""
	}
	excess := float64(release.During.K) - limit*float64(release.During.N)
	for _, c := range a.Callees {
		usual, _ := clamp(c.Own.Before).Ratio()
		more := float64(c.Own.During.K) - usual*float64(c.Own.During.N)
		if more < calleePart*excess || !c.Own.rose(sig) && c.Own.Before.N > 0 {
			continue
		}
		if c.Others.During.N == 0 || c.Others.rose(sig) {
			return fmt.Sprintf("%s, which it calls, is failing: %.0f of its %.0f failures more than usual are %s's",
				c.Workload, more, excess, c.Workload)
		}
	}
	return ""
}

// asUsual reports whether the same happened at the same time of an earlier day: then it is the hour's doing.
func (a Around) asUsual(sig Signal, before, during float64) string {
	for _, ref := range a.References {
		if !(ref.Before > 0 && ref.During > 0 && before > 0) {
			continue
		}
		usual, now := ref.During/ref.Before, during/before
		if now > 1 && usual > 1+sig.Rule.Relative && now <= usual*(1+sig.Rule.Relative) ||
			now < 1 && usual < 1-sig.Rule.Relative && now >= usual*(1-sig.Rule.Relative) {
			return fmt.Sprintf("the same happened at this time %s before, from %s to %s", days(ref.Ago), sig.figure(ref.Before), sig.figure(ref.During))
		}
	}
	return ""
}

func days(d time.Duration) string {
	if n := int(d.Hours() / 24); n != 1 {
		return fmt.Sprintf("%d days", n)
	}
	return "one day"
}
