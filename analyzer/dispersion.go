package analyzer

import "math"

// scales are the numbers of neighbouring ticks that are added up before their scatter is looked at: errors that come in
// bursts longer than a tick show only over longer spans.
var scales = [...]int{1, 4, 16}

// leastGroups is how many spans it takes to say anything of their scatter.
const leastGroups = 8

// unknownDispersion is taken where nothing shows how much the counts scatter.
const unknownDispersion = 1.5

// Dispersion estimates how many times more the bad counts scatter than independent requests would: Pearson's chi-square
// over its degrees of freedom, the largest over several time scales, and never less than 1. Each is taken at two of the
// standard errors below that it has where requests are independent, or the largest of several noisy ones would find scatter
// where there is none; a scatter that matters is many times that. What a small baseline cannot show is left to scarce.
func (b Baseline) Dispersion() float64 {
	if len(b.Ticks) < leastGroups {
		return unknownDispersion
	}
	phi := 1.0
	for _, scale := range scales {
		if estimate, ok := pearson(b.Ticks, scale); ok {
			phi = max(phi, estimate)
		}
	}
	return phi
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
	expected := float64(all.N) / float64(len(groups)) * p
	return chi/df - 2*math.Sqrt((2+1/expected)/df), true
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

// The ticks with failures from which on a baseline shows how failures come together, and the share of its ticks that they may
// be at the most, or whether a tick has any says nothing.
const (
	enoughFailing = 30
	mostFailing   = 0.25
	// spreadLimit is the share of ticks with failures that a healthy release is held to have at the most where a baseline is
	// scarce, however short it was: no higher, so that three ticks of a plainly bad release still suffice.
	spreadLimit = 0.125
)

// scarce reports whether a baseline holds so few ticks with failures that it cannot show whether they come in bursts, and
// returns the number of these ticks as a fraction of all requests. An upper bound of that, at one in ten, is no bound of alpha:
// it guards evidence that is one already.
func (b Baseline) scarce() (fraction float64, scarce bool) {
	var failing Counts
	for _, t := range b.Ticks {
		failing.N = addUp(failing.N, t.N)
		if t.K > 0 {
			failing.K++
		}
	}
	if failing.K >= enoughFailing || float64(failing.K) >= mostFailing*float64(len(b.Ticks)) {
		return 0, false
	}
	return upperBound(failing, 1, 0.1), true
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
