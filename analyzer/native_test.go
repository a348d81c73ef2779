package analyzer

import (
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
)

// nativeStream is a native histogram with buckets up to 0.5, 0.6, 0.7 and 1 seconds; each sample gives their counts.
func nativeStream(pod string, samples ...[4]float64) *model.SampleStream {
	stream := &model.SampleStream{Metric: model.Metric{"namespace": "shop", "pod": model.LabelValue(pod)}}
	uppers := []float64{0.5, 0.6, 0.7, 1}
	for i, counts := range samples {
		h := &model.SampleHistogram{}
		lower := 0.0
		for j, n := range counts {
			if n > 0 { // empty buckets are left out, as Prometheus does
				h.Buckets = append(h.Buckets, &model.HistogramBucket{Lower: model.FloatString(lower), Upper: model.FloatString(uppers[j]), Count: model.FloatString(n)})
				h.Count += model.FloatString(n)
			}
			lower = uppers[j]
		}
		stream.Histograms = append(stream.Histograms, model.SampleHistogramPair{Timestamp: model.TimeFromUnix(int64(15 * (i + 1))), Histogram: h})
	}
	return stream
}

func TestNativeHistogramsAreCountedLikeClassicOnes(t *testing.T) {
	sig := latencySignal()
	sig.Scrape = 15 * time.Second
	sig.Objective.SLO, sig.Objective.Tolerance = 500*time.Millisecond, 0.2
	for _, c := range []struct {
		name   string
		stream *model.SampleStream
		want   Counts
	}{
		{"slow requests are those above the limit", nativeStream("a-x2x4z", [4]float64{10, 5, 1, 0}, [4]float64{20, 15, 4, 3}), Counts{N: 26, K: 6}},
		{"a bucket appears", nativeStream("a-x2x4z", [4]float64{10, 0, 0, 0}, [4]float64{20, 0, 0, 7}), Counts{N: 17, K: 7}},
		{"nothing is slow", nativeStream("a-x2x4z", [4]float64{10, 0, 0, 0}, [4]float64{30, 0, 0, 0}), Counts{N: 20}},
		{"the container was restarted", nativeStream("a-x2x4z", [4]float64{100, 0, 50, 0}, [4]float64{2, 0, 1, 0}), Counts{N: 3, K: 1}},
	} {
		all := newGathered(sig)
		r := newReader(sig, all.add)
		r.begin(query{good: always, bad: never})
		r.add(c.stream)
		sub := Subject{Namespace: "shop", Release: Members{PodPrefix: "a-"}, Spans: []Span{{From: time.Unix(15, 0), At: time.Unix(30, 0)}}}
		got := measureSubject(sub, all, nil)[0]
		require.Empty(t, got.Error, c.name)
		require.Equal(t, c.want, got.Total(), c.name)
	}
}
