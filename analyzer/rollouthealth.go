package analyzer

import (
	"fmt"
	"time"
)

// This file judges what the cluster says of a release's pods.

// hold is how long something has been so without a break.
type hold struct {
	since, until time.Time
	ticks        int
}

// heldGap is the longest time without data that does not break it, in ticks.
const heldGap = 2

// next folds a tick in which it is so, or is not.
func (h hold) next(is bool, t Tick) hold {
	if !is {
		return hold{}
	}
	if h.ticks == 0 {
		h.since = t.From
	}
	h.until = t.At
	h.ticks++
	return h
}

// gap folds a tick in which nothing is known.
func (h hold) gap(t Tick) hold {
	if t.At.Sub(h.until) > heldGap*t.At.Sub(t.From) {
		return hold{}
	}
	return h
}

func (h hold) held() time.Duration { return h.until.Sub(h.since) }

// longerThan reports whether it has been so for longer than that, in three ticks at least.
func (h hold) longerThan(d time.Duration) bool { return h.ticks >= minBreachTicks && h.held() > d }

// podFinding is what the cluster's side of a tick comes to; no verdict where it has nothing to say against the release.
type podFinding struct {
	verdict Verdict
	reason  string
	// pods says how many of the release's pods are in a bad way and which.
	pods  string
	guard string
	hold  hold
	limit time.Duration
	// ready says how many pods are ready where most of them are.
	ready string
}

func (f podFinding) assess(a Assessment) Assessment {
	a.Outcome, a.Verdict, a.Reason, a.Guard, a.Pods = OutcomeBreach, f.verdict, f.reason, f.guard, f.pods
	a.Since, a.Held, a.Required = f.hold.since, f.hold.held().Seconds(), f.limit.Seconds()
	return a
}

// look folds what the cluster says in one tick. That there is no pod says nothing: it may have been scaled to none.
func (st rolloutState) look(sig Signal, r *Rollout, t Tick) (rolloutState, podFinding) {
	if r == nil || r.Release.Pods == 0 {
		st.failing, st.unready = st.failing.gap(t), st.unready.gap(t)
		return st, podFinding{}
	}
	p := r.Release
	st.failing = st.failing.next(most(p.bad(), p.Pods), t)
	st.unready = st.unready.next(most(p.unready(), p.Pods), t)
	switch {
	case st.failing.ticks > 0:
		return st, r.failing(st.failing, sig.Health.failing())
	case st.unready.ticks > 0:
		return st, r.unready(st.unready, sig.Health)
	case p.bad() > 0:
		return st, podFinding{
			verdict: SickPod, pods: p.inWords(), guard: "most of the release's pods are well",
			reason: p.inWords() + ", and most of the release's pods are ready",
		}
	}
	return st, podFinding{ready: p.inWords()}
}

// failing judges a release most of whose pods crash or lack their image.
func (r Rollout) failing(h hold, limit time.Duration) podFinding {
	f := podFinding{verdict: Insufficient, pods: r.Release.inWords(), hold: h, limit: limit}
	f.reason = fmt.Sprintf("%s for %s", f.pods, h.held())
	if r.Overdue {
		f.reason += ", and the rollout has made no progress within its deadline"
	}
	switch {
	case !h.longerThan(limit):
		f.reason += fmt.Sprintf("; it is given %s", limit)
	case most(r.Old.bad(), r.Old.Pods):
		return f.external("of the old version " + r.Old.inWords())
	default:
		f.verdict = Regressed
	}
	return f
}

// unready judges a release most of whose pods are not ready, for whatever reason. It may take its time to start, but not longer
// than the Deployment gives it.
func (r Rollout) unready(h hold, limit Health) podFinding {
	p, old := r.Release, r.Old
	f := podFinding{verdict: Insufficient, hold: h, limit: limit.notReady()}
	f.pods = fmt.Sprintf("%d of %d pods are not ready", p.unready(), p.Pods)
	f.reason = fmt.Sprintf("%s for %s", f.pods, h.held())
	if r.Overdue {
		f.limit = min(f.limit, limit.failing())
		f.reason += ", and the rollout has made no progress within its deadline"
	}
	switch {
	case !h.longerThan(f.limit):
		f.reason += fmt.Sprintf("; it is given %s", f.limit)
	case most(old.unready(), old.Pods):
		return f.external(fmt.Sprintf("of the old version %d of %d are not ready either", old.unready(), old.Pods))
	case most(p.Unplaced, p.unready()):
		return f.external(fmt.Sprintf("no node takes %d of them", p.Unplaced))
	default:
		f.verdict = Regressed
	}
	return f
}

// external says why it is not the release's doing.
func (f podFinding) external(why string) podFinding {
	f.verdict, f.guard = External, why
	f.reason += "; but " + why
	return f
}

// excuseRollout keeps pods that fail from being laid to a release while what fails in its requests strikes others too.
func excuseRollout(signals []Assessment, claims []claim) {
	for _, other := range signals {
		if other.Kind == KindRollout || other.Kind == KindSmoke || other.Verdict != External {
			continue
		}
		for i, a := range signals {
			if a.Kind == KindRollout && a.Verdict == Regressed {
				why := fmt.Sprintf("by %s it is not this release's doing", other.Signal)
				signals[i].Verdict, signals[i].Guard, claims[i] = External, why, claim{}
				signals[i].Reason += "; but " + why
			}
		}
	}
}

// Fails reports whether most of the release's pods are in a bad way.
func (r Rollout) Fails() bool {
	return most(r.Release.bad(), r.Release.Pods) || most(r.Release.unready(), r.Release.Pods)
}

// bad pods crash or lack their image.
func (c PodCounts) bad() int { return c.Crashing + c.Unpullable }

// unready pods are those that do not serve for whatever reason.
func (c PodCounts) unready() int { return c.Pods - c.Ready }

// most reports whether n is more than half of all.
func most(n, all int) bool { return 2*n > all }

// inWords says what is wrong with how many of the pods.
func (c PodCounts) inWords() string {
	switch {
	case c.Crashing > 0 && c.Unpullable > 0:
		return fmt.Sprintf("%d of %d pods crash or cannot pull their image", c.bad(), c.Pods)
	case c.Crashing > 0:
		return fmt.Sprintf("%d of %d pods crash (CrashLoopBackOff, %d restarts)", c.Crashing, c.Pods, c.Restarts)
	case c.Unpullable > 0:
		return fmt.Sprintf("%d of %d pods cannot pull their image", c.Unpullable, c.Pods)
	}
	return fmt.Sprintf("%d of %d pods are ready", c.Ready, c.Pods)
}
