package scenario

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// condition is what requests to a pod meet over an interval.
type condition struct {
	// rate is how many requests a second the pod gets.
	rate float64
	// fail is the probability that one fails by itself, and callFails that its call to the peer does, which fails it too.
	fail, callFails float64
	// slow is the share of requests that meet the slow latency instead of the usual one.
	slow float64
	// convert is the share of successful requests that are orders.
	convert float64
}

// ordinaryCallFailures is the share of calls to a peer that fails when nothing is wrong.
const ordinaryCallFailures = 0.0003

// condition returns what requests to a pod meet over (a, b], in seconds.
func (w *workload) condition(p *pod, a, b float64) condition {
	mid := (a + b) / 2
	traffic, errors := w.season(mid)
	noisyTraffic, noisyErrors := w.noise(mid)
	c := condition{
		rate:    w.rps * traffic * noisyTraffic / float64(max(1, w.load.pods(mid))),
		fail:    min(1, w.errors*errors*noisyErrors),
		convert: w.conversion,
	}
	for _, tr := range w.troubles {
		c.suffer(tr, a, b)
	}
	if own := p.release.trouble; own.fault.ofVersion() || own.fault == SickPod && p.sick {
		c.suffer(own, a, b)
	}
	if w.callee != nil {
		c.callFails = ordinaryCallFailures
		for _, tr := range w.callee.troubles {
			c.callFails = either(c.callFails, tr.failing(a, b))
		}
	}
	return c
}

// ofVersion reports whether a fault befalls every pod of the new version and no other.
func (f Fault) ofVersion() bool { return f.Bad() || f == Blip }

// suffer changes the condition by one trouble.
func (c *condition) suffer(tr trouble, a, b float64) {
	active := tr.active(a, b)
	if active == 0 {
		return
	}
	switch tr.fault {
	case LatencyJump:
		c.slow = either(c.slow, tr.size*active)
	case Leak:
		grown := tr.size * active * tr.grown(a, b)
		c.slow, c.fail = either(c.slow, grown), either(c.fail, grown*tr.grown(a, b))
	case BusinessDrop:
		c.convert *= 1 - active*(1-tr.size)
	case TrafficDip:
		c.rate *= 1 - active*(1-tr.size)
	default:
		c.fail = either(c.fail, tr.failing(a, b))
	}
}

// failing is the share of requests over an interval that fail by the trouble.
func (tr trouble) failing(a, b float64) float64 {
	switch tr.fault {
	case ErrorJump, LateOnset, SickPod, Blip, SharedOutage, FailingCallee, BeforeDeploy:
		return tr.size * tr.active(a, b)
	}
	return 0
}

// either is the probability of at least one of two independent events.
func either(p, q float64) float64 { return 1 - (1-p)*(1-q) }

// Bounds are the upper bounds of the latency histograms in seconds, without that of the last bucket, +Inf.
func Bounds() []float64 { return []float64{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.6, 1, 2.5, 5} }

// buckets is the number of bounds and one for +Inf.
const buckets = 11

// slow requests are lognormal with this median, in seconds, and sigma; nearly all of them are over 0.6 s.
const (
	slowMedian = 1.5
	slowSigma  = 0.35
)

// below returns the share of requests at or below each bound, cumulated.
func (w *workload) below(slow float64) [buckets - 1]float64 {
	var out [buckets - 1]float64
	for i, bound := range Bounds() {
		out[i] = (1-slow)*lognormal(bound, w.median, w.sigma) + slow*lognormal(bound, slowMedian, slowSigma)
	}
	return out
}

func lognormal(x, median, sigma float64) float64 {
	return distuv.UnitNormal.CDF(math.Log(x/median) / sigma)
}

// meanLatency is in seconds.
func (w *workload) meanLatency(slow float64) float64 {
	mean := func(median, sigma float64) float64 { return median * math.Exp(sigma*sigma/2) }
	return (1-slow)*mean(w.median, w.sigma) + slow*mean(slowMedian, slowSigma)
}
