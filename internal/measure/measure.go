// Package measure says how this daemon's durations are shown as metrics: as classic histograms and, to a Prometheus that asks for
// them, as native ones too.
package measure

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The bounds of native histograms. A factor of 1.1 tells durations apart that differ by a tenth; so many buckets are enough for a
// microsecond beside a day.
const (
	nativeFactor     = 1.1
	nativeBuckets    = 160
	nativeResetAfter = time.Hour
)

// Seconds describes a histogram of durations in seconds, whose name must say so. The buckets are the classic ones.
func Seconds(name, help string, buckets ...float64) prometheus.HistogramOpts {
	return prometheus.HistogramOpts{
		Name: name, Help: help, Buckets: buckets,
		NativeHistogramBucketFactor: nativeFactor, NativeHistogramMaxBucketNumber: nativeBuckets, NativeHistogramMinResetDuration: nativeResetAfter,
	}
}

// Calls are buckets for calls on servers, from milliseconds to the longest deadline that any of them has.
func Calls() []float64 { return []float64{0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30} }
