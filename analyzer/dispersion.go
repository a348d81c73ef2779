package analyzer

import "math"

// scales are the numbers of neighbouring ticks that are added up before their scatter is looked at: errors that come in
// bursts longer than a tick show only over longer spans.
var scales = [...]int{1, 4, 16}

// leastGroups is how many spans it takes to say anything of their scatter.
const leastGroups = 8

// Dispersion estimates how many times more the bad counts scatter than independent requests would: Pearson's chi-square
// over its degrees of freedom, the largest over several time scales, and never less than 1. Estimates over few spans are
// taken at one standard error below, since the largest of several noisy ones is too large. Where a baseline holds fewer
// than 100 bad requests its scatter is hardly known and up to half is added (detector.md 3b, B5).
func (b Baseline) Dispersion() float64 {
	phi := 1.0
	for _, scale := range scales {
		if estimate, ok := pearson(b.Ticks, scale); ok {
			phi = max(phi, estimate)
		}
	}
	return phi * (1 + 0.5*(1-min(1, float64(b.Counts.K)/100)))
}

func pearson(ticks []Counts, scale int) (float64, bool) {
	groups, all := grouped(ticks, scale)
	p, served := all.Ratio()
	if !served || p == 0 || p == 1 || len(groups) < leastGroups {
		return 0, false
	}
	var chi float64
	for _, g := range groups {
		expected := float64(g.N) * p
		chi += (float64(g.K) - expected) * (float64(g.K) - expected) / (expected * (1 - p))
	}
	df := float64(len(groups) - 1)
	estimate := chi / df
	if scale > 1 {
		estimate *= 1 - math.Sqrt(2/df)
	}
	return estimate, true
}

// grouped adds up neighbouring ticks and leaves out the spans without requests.
func grouped(ticks []Counts, scale int) (groups []Counts, all Counts) {
	for from := 0; from+scale <= len(ticks); from += scale {
		var g Counts
		for _, t := range ticks[from : from+scale] {
			g = g.Plus(clamp(t))
		}
		if g.N > 0 {
			groups, all = append(groups, g), all.Plus(g)
		}
	}
	return groups, all
}

// upperBound returns a fraction that the true one exceeds with probability alpha at most: Wilson and Hilferty's
// approximation of the chi-square quantile behind the exact Poisson bound, with the counts divided by their dispersion.
func upperBound(c Counts, dispersion, alpha float64) float64 {
	if c.N == 0 {
		return 1
	}
	k, n := float64(c.K)/dispersion+1, float64(c.N)/dispersion
	z := math.Sqrt2 * math.Erfinv(1-2*alpha)
	root := 1 - 1/(9*k) + z/(3*math.Sqrt(k))
	return min(1, k*root*root*root/n)
}
