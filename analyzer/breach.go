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
	ticks breachTicks
	pods  map[string]Counts
}

type breachTick struct {
	from, at time.Time
	pairedCounts
	// ages are the counts by the pods' ages, of latency.
	ages byAge
}

// longestBreach is how many ticks are remembered; by then it has been long enough for anything.
const longestBreach = 40

// with adds a tick. It never changes b in place.
func (b breach) with(t Tick, m Measurement, pair pairedCounts, since starts) breach {
	if len(b.ticks) == 0 {
		b.since = t.At
	}
	kept := b.ticks[max(0, len(b.ticks)-longestBreach+1):]
	ticks := make([]breachTick, 0, len(kept)+1)
	b.ticks = append(append(ticks, kept...), breachTick{from: t.From, at: t.At, pairedCounts: pair, ages: since.ages(t, m)})
	pods := make(map[string]Counts, max(len(b.pods), len(m.Pods)))
	maps.Copy(pods, b.pods)
	for pod, c := range m.Pods {
		pods[pod] = pods[pod].Plus(clamp(c))
	}
	b.pods = pods
	return b
}

// telling is how many failures must be expected of ticks for their having none to say something.
const telling = 3

// newest returns the newest ticks that tell whether the breach goes on. In the last few ticks of a service with hardly any requests
// a bad release may well fail none: there are as many more of the breach as it takes to expect some, by how bad it has been.
func (b breach) newest(last []pairedCounts) pairedCounts {
	var all pairedCounts
	for _, p := range last {
		all = all.plus(p)
	}
	ratio, _ := b.total().Ratio()
	for i := len(b.ticks) - len(last); i >= 0 && float64(all.release.N)*ratio < telling; i-- {
		all = all.plus(b.ticks[i].pairedCounts)
	}
	return all
}

// peak is the highest bad fraction of any of its ticks, less what chance may have added to it.
func (b breach) peak() float64 {
	var highest float64
	for _, t := range b.ticks {
		if t.release.N > 0 {
			highest = max(highest, surely(t.release))
		}
	}
	return highest
}

// surely is a fraction less 1.64 standard errors.
func surely(c Counts) float64 {
	k, n := float64(c.K), float64(c.N)
	return (k - 1.64*math.Sqrt(k*(1-k/n)+1)) / n
}

// weight is the evidence that the breach by itself would be against a limit.
func (b breach) weight(limit, dispersion float64) float64 {
	return evidence{}.times(oneSample(b.total(), limit, dispersion), math.Inf(1)).value()
}

// partial is the share of the peak below which a tick between others counts in part only: bad releases are not equally
// bad all the time, but what trickles in after a fault is not the fault.
const partial = 0.25

// half is the part of a breach's peak from which on a tick is not its edge.
const half = 0.5

// trickle is the part of a bad tick below which a tick counts as none: before a fault as after it, errors trickle in.
const trickle = 0.5

// length estimates for how long the release has been bad, of what fails more than the limit. It was bad from the first tick that is at
// least half as bad as the worst, or less so but beyond chance, to the last one; and all the time in between, unless it was hardly bad at
// all there. These two ticks, and the one beyond either, were bad for a part of their time only, if they are less bad: a fault of ten
// seconds may touch three ticks of five, but does not fill them. What trickled in before and after is left out.
func (b breach) length(limit float64) time.Duration {
	peak := b.peak() - limit
	if peak <= 0 { // too few failures to tell one tick from another
		return b.ticks.span()
	}
	first, last := b.ticks.bounds(peak, limit)
	full := max(peak, b.ticks.between(first, last, half*peak, limit))
	var sum float64
	for i := max(0, first-1); i <= min(last+1, len(b.ticks)-1); i++ {
		t := b.ticks[i]
		part := t.share(full, limit)
		if i > first && i < last {
			if part = t.share(partial*peak, limit); part < trickle {
				part = 0
			}
		}
		sum += part * float64(t.at.Sub(t.from))
	}
	return time.Duration(sum)
}

type breachTicks []breachTick

func (ts breachTicks) span() (sum time.Duration) {
	for _, t := range ts {
		sum += t.at.Sub(t.from)
	}
	return sum
}

// bounds returns the first tick and the last that are bad, where the worst one is as bad as peak over the limit.
func (ts breachTicks) bounds(peak, limit float64) (first, last int) {
	bad := func(t breachTick) bool {
		return t.release.N > 0 && t.share(half*peak, limit) >= 1 || t.share(trickle*partial*peak, limit) >= 1 && surely(t.release) > limit
	}
	last = len(ts) - 1
	for first < last && !bad(ts[first]) {
		first++
	}
	for last > first && !bad(ts[last]) {
		last--
	}
	return first, last
}

// between returns what fails over the limit between two ticks, in those that show at least as much.
func (ts breachTicks) between(first, last int, over, limit float64) float64 {
	var inner Counts
	for i := first + 1; i < last; i++ {
		if ts[i].share(over, limit) >= 1 {
			inner = inner.Plus(ts[i].release)
		}
	}
	ratio, _ := inner.Ratio()
	return ratio - limit
}

// share is how much of what is over the limit the tick shows, between 0 and 1.
func (t breachTick) share(of, limit float64) float64 {
	ratio, served := t.release.Ratio()
	if !served {
		return 1
	}
	return min(1, max(0, ratio-limit)/of)
}

// certain is the part of its least length that a breach must be estimated to have, as the estimate is a little low.
const certain = 0.8

// lasted reports whether the breach has been long enough to act on.
func (b breach) lasted(least time.Duration, limit float64) bool {
	return len(b.ticks) >= minBreachTicks && float64(b.length(limit)) >= certain*float64(least)
}

// proven reports whether the breach has been long enough to act on and is still there in the newest tick.
func (b breach) proven(least time.Duration, limit float64) bool {
	if !b.lasted(least, limit) {
		return false
	}
	newest := b.ticks[len(b.ticks)-1].release
	ratio, served := newest.Ratio()
	if !served {
		return false
	}
	// Where hardly anything is expected in a single tick, its being free of errors says nothing. What is far below the peak,
	// even with what chance may have taken from it, is what trickles in after a fault that is over.
	k, peak := float64(newest.K), b.peak()
	atMost := (k + 1.64*math.Sqrt(k+1)) / float64(newest.N)
	return (ratio > limit || float64(newest.N)*peak < telling) && atMost >= partial*peak
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
