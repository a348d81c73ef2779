package analyzer

import (
	"math"
	"slices"

	"github.com/prometheus/common/model"
)

// around the limit by this factor is where a native histogram's bounds are of interest.
const nearLimit = 8

// classicSeries turns the samples of a native histogram into the cumulative counters of a classic one, bound by bound, so that
// both are counted alike: exactly, with every reset. A bucket that is missing in a sample is empty.
func classicSeries(f found, stream *model.SampleStream, limit float64) []found {
	bounds := nativeBounds(stream, limit)
	out := make([]found, len(bounds)+1)
	for i := range out {
		out[i] = f
		out[i].series.Le = math.Inf(1)
		if i < len(bounds) {
			out[i].series.Le = bounds[i]
		}
		out[i].series.Samples = make([]Sample, 0, len(stream.Histograms))
	}
	for _, p := range stream.Histograms {
		if p.Histogram == nil {
			continue
		}
		var below float64
		next := 0
		for i, bound := range bounds {
			for next < len(p.Histogram.Buckets) && float64(p.Histogram.Buckets[next].Upper) <= bound {
				below += float64(p.Histogram.Buckets[next].Count)
				next++
			}
			out[i].series.Samples = append(out[i].series.Samples, Sample{T: int64(p.Timestamp), V: below})
		}
		out[len(bounds)].series.Samples = append(out[len(bounds)].series.Samples, Sample{T: int64(p.Timestamp), V: float64(p.Histogram.Count)})
	}
	return out
}

// nativeBounds are the bounds of all samples' buckets near the limit. The lower ones are among them, as the bucket below may be
// empty.
func nativeBounds(stream *model.SampleStream, limit float64) []float64 {
	seen := map[float64]bool{}
	var bounds []float64
	for _, p := range stream.Histograms {
		if p.Histogram == nil {
			continue
		}
		for _, b := range p.Histogram.Buckets {
			for _, bound := range []float64{float64(b.Lower), float64(b.Upper)} {
				if !seen[bound] && bound >= limit/nearLimit && bound <= limit*nearLimit {
					seen[bound] = true
					bounds = append(bounds, bound)
				}
			}
		}
	}
	slices.Sort(bounds)
	if len(bounds) == 0 || bounds[len(bounds)-1] < limit {
		bounds = append(bounds, limit) // nothing was slower: all buckets end below it
	}
	return bounds
}
