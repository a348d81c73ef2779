package chart

import (
	"slices"
	"time"
)

// buckets is how many pieces a span is cut into where there are more points than can be told apart.
const buckets = 200

// thin keeps of each piece of the span its least and its greatest value and its first gap, so that neither a spike nor an
// outage is lost. A line of few points is kept as it is.
func thin(points []Point, from, to time.Time) []Point {
	if len(points) <= 2*buckets {
		return points
	}
	var out []Point
	for start := 0; start < len(points); {
		end, piece := start, bucket(points[start], from, to)
		for end < len(points) && bucket(points[end], from, to) == piece {
			end++
		}
		out = append(out, extremes(points[start:end])...)
		start = end
	}
	return out
}

func bucket(p Point, from, to time.Time) int {
	return int(float64(p.At.Sub(from)) / float64(to.Sub(from)) * buckets)
}

// extremes returns the least and the greatest of the points and the first gap, in order of time.
func extremes(points []Point) []Point {
	least, greatest, gap := -1, -1, -1
	for i, p := range points {
		v, ok := p.drawable()
		if !ok {
			if gap < 0 {
				gap = i
			}
			continue
		}
		if least < 0 || v < points[least].Value {
			least = i
		}
		if greatest < 0 || v > points[greatest].Value {
			greatest = i
		}
	}
	kept := []int{least, greatest, gap}
	slices.Sort(kept)
	var out []Point
	for _, i := range slices.Compact(kept) {
		if i >= 0 {
			out = append(out, points[i])
		}
	}
	return out
}
