package analyzer

import (
	"maps"
	"math"
	"slices"
	"time"
)

// This file tells a slow start from a slow release. Pods that have just started are slow for a while: code is compiled, caches
// are filled, connections are made. That passes, and no rollback makes it pass sooner: the old version's pods would start in
// the same way. So a release is not held to be slow while its slowness surely falls as its pods grow older. It only ever holds back.

const (
	// startFalls is by how much slowness must have fallen between the youngest and the oldest pods seen, as a fraction.
	startFalls = 0.15
	// startTicks is how many of a breach's newest ticks are looked at, so that one that stays is told soon.
	startTicks = 6
)

// starts is when each pod of a release was first counted.
type starts map[string]time.Time

// with adds the pods of a tick. It never changes s in place.
func (s starts) with(t Tick, m Measurement) starts {
	var out starts
	for pod, c := range m.Pods {
		if _, known := s[pod]; known || c.N == 0 {
			continue
		}
		if out == nil {
			out = make(starts, len(s)+len(m.Pods))
			maps.Copy(out, s)
		}
		out[pod] = t.From
	}
	if out == nil {
		return s
	}
	return out
}

// byAge are the counts of pods by how long they had served, as the sums that a line through them takes. Its abscissa is the
// logarithm of the age, as slowness falls fast at first and then ever more slowly.
type byAge struct {
	n, k, nx, nxx, kx float64
	// lived is the age in seconds, summed over all bad ones.
	lived float64
	// youngest and oldest are the least and the greatest abscissa.
	youngest, oldest float64
}

// ages counts a tick by its pods' ages.
func (s starts) ages(t Tick, m Measurement) byAge {
	out := byAge{youngest: math.Inf(1)}
	if len(s) == 0 {
		return out
	}
	span := t.At.Sub(t.From).Seconds()
	for _, pod := range slices.Sorted(maps.Keys(m.Pods)) { // in order, so that a replay comes to the same to the last digit
		c := clamp(m.Pods[pod])
		since, known := s[pod]
		if c.N == 0 || !known {
			continue
		}
		age := t.At.Sub(since).Seconds()
		x, n, k := math.Log(age/span), float64(c.N), float64(c.K)
		out = out.plus(byAge{n: n, k: k, nx: n * x, nxx: n * x * x, kx: k * x, lived: k * age, youngest: x, oldest: x})
	}
	return out
}

func (a byAge) plus(b byAge) byAge {
	return byAge{
		a.n + b.n, a.k + b.k, a.nx + b.nx, a.nxx + b.nxx, a.kx + b.kx, a.lived + b.lived,
		min(a.youngest, b.youngest), max(a.oldest, b.oldest),
	}
}

// whileStarting notes whether a breach is that of a slow start. Once it was, what is left of it must be evidence by itself: what has
// passed is held against nobody, unless the rule says by itself that it lasts.
func (st SequentialState) whileStarting(sig Signal, n null, c claim) SequentialState {
	newest := breach{ticks: st.breach.ticks[max(0, len(st.breach.ticks)-startTicks):]}
	st.starting = newest.passing(sig.Rule.For) || st.starting && !c.sustained && newest.weight(n.limit, n.dispersion) < suspicious
	return st
}

// passing reports whether slow requests were answered by pods that are on average no older than within, and the older the pods the
// fewer of them. The fall needs not be sure: a release that is as slow as ever is held for another tick or two by chance, if it has
// little traffic.
func (b breach) passing(within time.Duration) bool {
	all := byAge{youngest: math.Inf(1)}
	for _, t := range b.ticks {
		all = all.plus(t.ages)
	}
	if all.k == 0 || all.lived > within.Seconds()*all.k {
		return false
	}
	p, mean := all.k/all.n, all.nx/all.n
	spread := all.nxx - all.nx*mean
	if spread <= 0 {
		return false
	}
	slope := (all.kx - p*all.nx) / spread
	return p+slope*(all.oldest-mean) <= (1-startFalls)*(p+slope*(all.youngest-mean))
}
