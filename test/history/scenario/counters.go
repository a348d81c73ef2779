package scenario

import (
	"math"
	"math/rand/v2"
)

// outcome is what a request was answered with.
type outcome int

const (
	answered outcome = iota
	notFound
	failed
	unavailable
	outcomes
)

// counters are what a process counts. They are whole numbers, but for the sum of latencies.
type counters struct {
	requests [outcomes]uint64
	// buckets are not cumulated.
	buckets [buckets]uint64
	sum     float64
	orders  uint64
	// calls to the peer that were answered, and those that failed.
	callsAnswered, callsFailed uint64
}

func (c *counters) add(d counters) {
	for i, n := range d.requests {
		c.requests[i] += n
	}
	for i, n := range d.buckets {
		c.buckets[i] += n
	}
	c.sum += d.sum
	c.orders += d.orders
	c.callsAnswered += d.callsAnswered
	c.callsFailed += d.callsFailed
}

func (c *counters) total() uint64 {
	var sum uint64
	for _, n := range c.requests {
		sum += n
	}
	return sum
}

// atMost is the cumulated count of the i-th bucket.
func (c *counters) atMost(i int) uint64 {
	var sum uint64
	for _, n := range c.buckets[:i+1] {
		sum += n
	}
	return sum
}

// counts are what a judge looks for in them.
func (c *counters) counts() Counts {
	slow := c.total() - c.atMost(limitBucket)
	return Counts{Requests: c.total(), Errors: c.requests[failed] + c.requests[unavailable], Slow: slow}
}

// limitBucket is the bucket of the bound 0.6 s.
const limitBucket = 6

// work returns what a pod counts over (a, b], in seconds.
func (p *pod) work(rng *rand.Rand, a, b float64) counters {
	took := p.serving(a, b)
	if took <= 0 {
		return counters{}
	}
	w := p.release.workload
	c := w.condition(p, a, b)
	return w.serve(rng, poisson(rng, c.rate*took), c)
}

// serve answers n requests under a condition.
func (w *workload) serve(rng *rand.Rand, n uint64, c condition) counters {
	var d counters
	if n == 0 {
		return d
	}
	bad := binomial(rng, n, c.fail)
	if w.callee != nil {
		d.callsFailed = binomial(rng, n, c.callFails)
		d.callsAnswered = n - d.callsFailed
		bad = max(bad, min(n, d.callsFailed+binomial(rng, n-d.callsFailed, c.fail)))
	}
	d.requests[unavailable] = binomial(rng, bad, 0.2)
	d.requests[failed] = bad - d.requests[unavailable]
	d.requests[notFound] = binomial(rng, n-bad, 0.01)
	d.requests[answered] = n - bad - d.requests[notFound]
	d.orders = binomial(rng, d.requests[answered], c.convert)
	d.buckets = spreadOver(rng, n, w.below(c.slow))
	d.sum = float64(n) * w.meanLatency(c.slow) * (1 + 0.1*rng.NormFloat64()/math.Sqrt(float64(n)))
	return d
}

// spreadOver puts n requests into buckets by their cumulated shares.
func spreadOver(rng *rand.Rand, n uint64, below [buckets - 1]float64) [buckets]uint64 {
	var out [buckets]uint64
	left, used := n, 0.0
	for i, share := range below {
		if left == 0 || used >= 1 {
			break
		}
		out[i] = binomial(rng, left, (share-used)/(1-used))
		left, used = left-out[i], share
	}
	out[buckets-1] = left
	return out
}
