package analyzer

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
)

// Buckets are the cumulative increments of a classic histogram by upper bound, in the unit of the series, as the label
// le writes it: "0.25", "+Inf".
type Buckets map[string]uint64

// Plus returns the sum of b and c without changing either.
func (b Buckets) Plus(c Buckets) Buckets {
	if len(b) == 0 {
		return c
	}
	out := maps.Clone(b)
	for le, n := range c {
		out[le] += n
	}
	return out
}

// Quantile estimates the q-quantile as Prometheus' histogram_quantile does for classic histograms: linear within the
// bucket that it falls in, and the highest finite bound if it lies above all of them. False means that nothing was
// counted, or that there is no bucket without bound.
func (b Buckets) Quantile(q float64) (float64, bool) {
	bounds := make(map[float64]uint64, len(b))
	for le, n := range b {
		if bound, err := strconv.ParseFloat(le, 64); err == nil {
			bounds[bound] = n
		}
	}
	total := bounds[math.Inf(1)]
	if total == 0 {
		return 0, false
	}
	rank, lower, below := q*float64(total), 0.0, uint64(0)
	for _, upper := range slices.Sorted(maps.Keys(bounds)) {
		n := max(bounds[upper], below)
		switch {
		case math.IsInf(upper, 1):
			return lower, true
		case float64(n) >= rank && n > below:
			return lower + (upper-lower)*(rank-float64(below))/float64(n-below), true
		}
		lower, below = upper, n
	}
	return lower, true
}

// MeasureHistogram counts, for every pod, the requests of a classic histogram (N) and those that are certain to have
// taken longer than the limit (K). Bucket counts are exact where quantiles are interpolated: where the limit lies
// between two bounds the upper one is used, and a request in the bucket that the limit divides is not held slow.
//
// Le of each series must be a number. A pod without any finite bound at or above the limit cannot be judged, which is
// an error of the measurement and never a breach.
func MeasureHistogram(series []Series, w Window, limit float64) Measurement {
	type key struct{ pod, histogram string }
	histograms := map[key]map[float64]uint64{}
	m := measure(series, w, func(s Series, count uint64) {
		k := key{s.Pod, s.Histogram}
		if histograms[k] == nil {
			histograms[k] = map[float64]uint64{}
		}
		histograms[k][s.Le] = addUp(histograms[k][s.Le], count)
	})
	if m.Error != "" {
		return m
	}
	sum := map[float64]uint64{}
	for _, k := range slices.SortedFunc(maps.Keys(histograms), func(a, b key) int {
		return cmp.Or(cmp.Compare(a.pod, b.pod), cmp.Compare(a.histogram, b.histogram))
	}) {
		counts, err := slowerThan(histograms[k], limit)
		if err != nil {
			return Measurement{Error: fmt.Sprintf("pod %q: %v", k.pod, err)}
		}
		if m.Pods == nil {
			m.Pods = map[string]Counts{}
		}
		m.Pods[k.pod] = m.Pods[k.pod].Plus(counts)
		for le, n := range histograms[k] {
			sum[le] += n
		}
	}
	if len(sum) > 0 {
		m.Buckets = named(sum)
	}
	return m
}

// slowerThan splits a pod's requests by the first bound at or above the limit.
func slowerThan(buckets map[float64]uint64, limit float64) (Counts, error) {
	total, whole := buckets[math.Inf(1)]
	if !whole {
		return Counts{}, fmt.Errorf(`its histogram has no bucket le="+Inf", so requests cannot be counted`)
	}
	bounds := slices.Sorted(maps.Keys(buckets))
	i, _ := slices.BinarySearch(bounds, limit)
	if i == len(bounds) || math.IsInf(bounds[i], 1) {
		highest := "none"
		if len(bounds) > 1 {
			highest = strconv.FormatFloat(bounds[len(bounds)-2], 'g', -1, 64)
		}
		return Counts{}, fmt.Errorf("the highest finite bucket of its histogram is %s, below the limit of %g; add a bucket at or above it", highest, limit)
	}
	// Buckets are cumulative, so a lower bound that counted more proves as many to be fast, whatever the one at the limit says.
	var fast uint64
	for _, bound := range bounds[:i+1] {
		fast = max(fast, buckets[bound])
	}
	return Counts{N: total, K: total - min(total, fast)}, nil
}

func named(buckets map[float64]uint64) Buckets {
	out := make(Buckets, len(buckets))
	for bound, n := range buckets {
		out[formatBound(bound)] = n
	}
	return out
}

// formatBound writes a bound as one string, however the series wrote it: le="1" and le="1.0" are the same bucket.
func formatBound(bound float64) string {
	if math.IsInf(bound, 1) {
		return "+Inf"
	}
	return strconv.FormatFloat(bound, 'g', -1, 64)
}
