package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// A compound Poisson number of geometric bursts has a variance of (2·size - 1) times its mean.
func TestBursts(t *testing.T) {
	for _, c := range []struct{ mean, size float64 }{
		{0, 1}, {0.0075, 1}, {0.15, 10}, {3, 3}, {165, 1}, {165, 10}, {750, 1}, {15000, 1}, {7500, 5},
	} {
		t.Run(fmt.Sprintf("%g in bursts of %g", c.mean, c.size), func(t *testing.T) {
			d := bursts(c.mean, c.size)
			mean, variance := d.moments()
			require.InDelta(t, c.mean, mean, 1e-6*c.mean+1e-12)
			require.InDelta(t, c.mean*(2*c.size-1), variance, 1e-4*c.mean*c.size+1e-12)

			const draws = 20_000
			rnd := rand.New(rand.NewPCG(1, 2))
			var sum float64
			for range draws {
				sum += float64(d.draw(rnd))
			}
			require.InDelta(t, c.mean, sum/draws, 5*math.Sqrt(variance/draws)+1e-12)
		})
	}
}
