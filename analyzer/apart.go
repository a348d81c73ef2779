package analyzer

import (
	"maps"
	"math"
	"slices"
)

// leastFreedom is how many degrees of freedom it takes to say how far pods differ.
const leastFreedom = 12

// apart estimates how many times more the bad counts of pods of one version, which serve side by side, differ from each other than chance
// makes them, by Pearson's chi-square over its degrees of freedom within each span of time, the largest over the time scales of
// Dispersion, and at two standard errors above. What strikes all pods alike, however it comes and goes, is no part of it: that cancels out
// too where two versions serve side by side. It is 0 where there are too few pods or failures to tell.
func apart(ticks []map[string]Counts) float64 {
	var most float64
	for _, scale := range scales {
		chi, freedom, bad := 0.0, 0.0, uint64(0)
		for from := 0; from+scale <= len(ticks); from += scale {
			c, f, k := difference(ticks[from : from+scale])
			chi, freedom, bad = chi+c, freedom+f, addUp(bad, k)
		}
		if freedom < leastFreedom || bad < enoughFailing {
			return 0
		}
		most = max(most, chi/freedom*(1+2*math.Sqrt(2/freedom)))
	}
	return most
}

// difference is the chi-square of the pods' bad counts over a span against the fraction that all of them have, with its degrees of freedom.
func difference(ticks []map[string]Counts) (chi, freedom float64, bad uint64) {
	pods := map[string]Counts{}
	var all Counts
	for _, tick := range ticks {
		for pod, c := range tick {
			c = clamp(c)
			pods[pod], all = pods[pod].Plus(c), all.Plus(c)
		}
	}
	p, served := all.Ratio()
	if !served || p == 0 || p == 1 {
		return 0, 0, 0
	}
	freedom = -1
	for _, pod := range slices.Sorted(maps.Keys(pods)) { // in order, so that a replay comes to the same to the last digit
		c := pods[pod]
		if c.N == 0 {
			continue
		}
		expected := p * float64(c.N)
		off := float64(c.K) - expected
		chi, freedom = chi+off*off/(expected*(1-p)), freedom+1
	}
	return chi, freedom, all.K
}
