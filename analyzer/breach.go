package analyzer

import (
	"maps"
	"math"
	"slices"
	"time"
)

// breach is the stretch of ticks in which a release has been over its limit without a break. Its zero value is none.
type breach struct {
	since time.Time
	ticks []breachTick
	pods  map[string]Counts
}

type breachTick struct {
	from, at time.Time
	counts   Counts
	// paired says that the old version served beside the release.
	paired bool
}

// longestBreach is how many ticks are remembered; by then it has been long enough for anything.
const longestBreach = 40

// with adds a tick. It never changes b in place.
func (b breach) with(t Tick, m Measurement, pair pairedCounts) breach {
	if len(b.ticks) == 0 {
		b.since = t.At
	}
	kept := b.ticks[max(0, len(b.ticks)-longestBreach+1):]
	ticks := make([]breachTick, 0, len(kept)+1)
	b.ticks = append(append(ticks, kept...), breachTick{from: t.From, at: t.At, counts: pair.release, paired: pair.serves()})
	pods := make(map[string]Counts, max(len(b.pods), len(m.Pods)))
	maps.Copy(pods, b.pods)
	for pod, c := range m.Pods {
		pods[pod] = pods[pod].Plus(clamp(c))
	}
	b.pods = pods
	return b
}

// peak is the highest bad fraction of any of its ticks, less what chance may have added to it (1.64 standard errors).
func (b breach) peak() float64 {
	var highest float64
	for _, t := range b.ticks {
		if t.counts.N > 0 {
			k := float64(t.counts.K)
			highest = max(highest, (k-1.64*math.Sqrt(k+1))/float64(t.counts.N))
		}
	}
	return highest
}

// weight is the evidence that the breach by itself would be against a limit.
func (b breach) weight(limit, dispersion float64) float64 {
	return evidence{}.times(oneSample(b.total(), limit, dispersion), math.Inf(1)).value()
}

// partial is the share of the peak below which a tick between others counts in part only: bad releases are not equally
// bad all the time, but what trickles in after a fault is not the fault.
const partial = 0.25

// trickle is the part of a bad tick below which a tick counts as none: before a fault as after it, errors trickle in.
const trickle = 0.5

// length estimates for how long the release has been bad. Its first and its newest tick were bad for a part of their time
// only if they are less bad than the peak: a fault of ten seconds may touch three ticks of five, but does not fill them.
func (b breach) length() time.Duration {
	peak := b.peak()
	var sum float64
	for i, t := range b.ticks {
		edge := i == 0 || i == len(b.ticks)-1
		full := peak
		if !edge {
			full *= partial
		}
		part := 1.0
		if ratio, served := t.counts.Ratio(); served && full > 0 {
			part = min(1, ratio/full)
		}
		if !edge && part < trickle {
			part = 0
		}
		sum += part * float64(t.at.Sub(t.from))
	}
	return time.Duration(sum)
}

// certain is the part of its least length that a breach must be estimated to have, as the estimate is a little low.
const certain = 0.8

// proven reports whether the breach has been long enough to act on and is still there in the newest tick.
func (b breach) proven(least time.Duration, limit float64) bool {
	if len(b.ticks) < minBreachTicks || float64(b.length()) < certain*float64(least) {
		return false
	}
	newest := b.ticks[len(b.ticks)-1].counts
	ratio, served := newest.Ratio()
	if !served {
		return false
	}
	// Where hardly anything is expected in a single tick, its being free of errors says nothing. What is far below the peak,
	// even with what chance may have taken from it, is what trickles in after a fault that is over.
	k, peak := float64(newest.K), b.peak()
	atMost := (k + 1.64*math.Sqrt(k+1)) / float64(newest.N)
	return (ratio > limit || float64(newest.N)*peak < 3) && atMost >= partial*peak
}

// leastBreach is how long a breach must last at ticks of the newest one's length.
func (r Rules) leastBreach(t Tick) time.Duration {
	least := r.MinBreach
	if least <= 0 {
		least = minBreach
	}
	return max(least, minBreachTicks*t.At.Sub(t.From))
}

// The conditions under which one pod of several is held responsible (detector.md 3b, B5).
const (
	sickShare   = 0.8
	sickPods    = 3
	sickExpects = 5
)

// sickPod names the pod that has more than four fifths of the excess over the limit, provided that at least two others
// served enough to have shown the same, had they had it, and that all others together, request by request, have less than a fifth
// of what it has: a pod that served nearly all of the requests has nearly all of the failures of a bad version too.
func (b breach) sickPod(limit float64) (string, bool) {
	var excess, worst float64
	var sick string
	for _, pod := range slices.Sorted(maps.Keys(b.pods)) {
		c := b.pods[pod]
		over := max(0, float64(c.K)-limit*float64(c.N))
		excess += over
		if over > worst {
			sick, worst = pod, over
		}
	}
	if worst == 0 || worst <= sickShare*excess {
		return "", false
	}
	rate, _ := b.pods[sick].Ratio()
	comparable, others := 1, 0.0
	for pod, c := range b.pods {
		if pod == sick {
			continue
		}
		others += float64(c.N)
		if rate*float64(c.N) >= sickExpects {
			comparable++
		}
	}
	if (excess-worst)*float64(b.pods[sick].N) >= (1-sickShare)*worst*others {
		return "", false
	}
	return sick, comparable >= sickPods
}
