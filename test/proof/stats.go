package main

import "math"

// lowerBound returns the probability below which k or more of n happen with a probability of at most error: Clopper and
// Pearson's exact bound.
func lowerBound(k, n int, error float64) float64 {
	if k == 0 {
		return 0
	}
	low, up := 0.0, float64(k)/float64(n)
	for range 60 {
		if mid := (low + up) / 2; atLeast(k, n, mid) < error {
			low = mid
		} else {
			up = mid
		}
	}
	return low
}

// atLeast is the probability of k or more of n, each happening with probability p < k/n.
func atLeast(k, n int, p float64) float64 {
	a, _ := math.Lgamma(float64(n) + 1)
	b, _ := math.Lgamma(float64(k) + 1)
	c, _ := math.Lgamma(float64(n-k) + 1)
	term := math.Exp(a - b - c + float64(k)*math.Log(p) + float64(n-k)*math.Log1p(-p))
	sum := 0.0
	for i := k; i <= n && term > sum*1e-15; i++ {
		sum += term
		term *= float64(n-i) / float64(i+1) * p / (1 - p)
	}
	return sum
}
