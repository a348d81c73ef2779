package main

import (
	"math"
	"math/rand/v2"
	"sort"
)

// table is a distribution over the integers from a lowest one on, drawn from by inversion with one random number.
type table struct {
	lowest uint64
	// upTo are the cumulated probabilities, guide the place in upTo from which on to look for a number's slot.
	upTo  []float64
	guide []int32
}

// negligible is the probability that is left out at each end of a distribution: over a whole run of the proof, with some
// 10^10 draws, not one of these outcomes is expected.
const negligible = 1e-13

// bursts is the distribution of how many requests fail in a tick in which mean do on average, if failures come together in
// bursts: a Poisson number of them, each of a geometrically distributed size with mean size, which is 1 if every request
// fails by itself. The probabilities follow from Panjer's recursion, started from 1 and divided by their sum at the end, as
// that of no burst at all may be too small to be written.
func bursts(mean, size float64) table {
	if mean <= 0 {
		return tableOf(0, []float64{1})
	}
	rate, stay := mean/size, 1-1/size
	weights := []float64{1}
	sum, largest := 1.0, 1.0
	for n := 1.0; ; n++ {
		// n·p(n) = (rate·(1-stay) + 2·stay·(n-1))·p(n-1) - stay²·(n-2)·p(n-2), of Pólya and Aeppli.
		w := (rate*(1-stay) + 2*stay*(n-1)) * weights[len(weights)-1]
		if n > 1 {
			w -= stay * stay * (n - 2) * weights[len(weights)-2]
		}
		w = max(0, w/n)
		weights = append(weights, w)
		sum, largest = sum+w, max(largest, w)
		if n > mean && w < largest*negligible*1e-3 {
			break
		}
		if w > 1e200 {
			for i := range weights {
				weights[i] *= 1e-200
			}
			sum, largest = sum*1e-200, largest*1e-200
		}
	}
	for i := range weights {
		weights[i] /= sum
	}
	return tableOf(0, weights)
}

// tableOf prepares probabilities for drawing.
func tableOf(lowest uint64, probabilities []float64) table {
	t := table{lowest: lowest}
	var sum float64
	for _, p := range probabilities {
		sum += p
		if sum < negligible {
			t.lowest++
			continue
		}
		t.upTo = append(t.upTo, sum)
	}
	t.upTo[len(t.upTo)-1] = 1
	t.guide = make([]int32, len(t.upTo)+1)
	for i := range t.guide {
		t.guide[i] = int32(sort.SearchFloat64s(t.upTo, float64(i)/float64(len(t.guide))))
	}
	return t
}

func (t *table) draw(rnd *rand.Rand) uint64 {
	if len(t.upTo) == 1 {
		return t.lowest
	}
	u := rnd.Float64()
	i := t.guide[int(u*float64(len(t.guide)))]
	for t.upTo[i] < u {
		i++
	}
	return t.lowest + uint64(i)
}

// mean and variance are of the distribution as it is drawn from.
func (t *table) moments() (mean, variance float64) {
	var before float64
	for i, sum := range t.upTo {
		x := float64(t.lowest) + float64(i)
		mean += x * (sum - before)
		variance += x * x * (sum - before)
		before = sum
	}
	return mean, math.Max(0, variance-mean*mean)
}
