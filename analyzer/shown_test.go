package analyzer

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
)

// slow are a hundred requests, k of which took between 0.25 and 0.5 seconds and the others less than 0.25.
func slow(k uint64) Buckets { return Buckets{"0.25": 100 - k, "0.5": 100, "+Inf": 100} }

func TestABaselineOfLatencyShowsItsQuantiles(t *testing.T) {
	sig := Signal{Kind: KindLatency, Objective: Objective{Quantile: 0.95, Unit: time.Second}, Rule: Sustained{Window: 30 * time.Second}}
	got := Baseline{Step: 15 * time.Second}.withQuantiles(sig, []Buckets{nil, slow(5), slow(15), nil, nil, slow(0)})
	text, err := json.Marshal(got.Shown)
	require.NoError(t, err)
	// Over two steps: none; five of a hundred are at the bound; 20 of 200, of which half are over the 95th percentile; and so on.
	require.Equal(t, `[null,0.25,0.375,0.4167,null,0.2375]`, string(text))

	sig.Objective.Unit = time.Millisecond
	got = Baseline{Step: time.Minute}.withQuantiles(sig, []Buckets{{"100": 100, "+Inf": 100}})
	require.Equal(t, 0.095, *got.Shown[0], "seconds, whatever the series are in")

	sig.Kind = KindErrorRate
	require.Nil(t, Baseline{Step: time.Minute}.withQuantiles(sig, []Buckets{nil, nil}).Shown)
}

// As Prometheus answers: every fifteen seconds ten requests more took less than 0.25 seconds, and one more up to 0.5.
func TestAMeasuredBaselineOfLatencyHasAQuantileForEachStep(t *testing.T) {
	bucket := func(le string, n float64) *model.SampleStream {
		s := steady("a-x2x4z", "200", n)
		s.Metric["__name__"], s.Metric["le"] = "http_request_duration_seconds_bucket", model.LabelValue(le)
		return s
	}
	srv := &server{t: t, series: []*model.SampleStream{bucket("0.25", 10), bucket("0.5", 11), bucket("1", 11), bucket("+Inf", 11)}}
	sig := latencySignal()
	sig.Scrape = 15 * time.Second
	got, err := srv.sampler().Baseline(t.Context(), sig, known(), Span{second(600), second(1800)})
	require.NoError(t, err)
	require.Len(t, got.Ticks, 80)
	require.Len(t, got.Shown, 80)
	for _, shown := range got.Shown {
		require.InDelta(t, 0.3625, *shown, 0.0001) // 10.45 of 11, where the tenth is at 0.25 and the eleventh at 0.5
	}
}

func TestABaselineOfNumbersShowsWhereSomeAreMissing(t *testing.T) {
	whole := Baseline{}.withNumbers([]float64{1, 2})
	require.Equal(t, []float64{1, 2}, whole.Values)
	require.Nil(t, whole.Shown, "the numbers tell")

	holed := Baseline{}.withNumbers([]float64{1.23456, math.NaN(), math.Inf(1), 2})
	require.Equal(t, []float64{1.23456, 2}, holed.Values)
	text, err := json.Marshal(holed.Shown)
	require.NoError(t, err)
	require.Equal(t, `[1.235,null,null,2]`, string(text))
}

func TestTheFactorOfAnAssessmentIsThatOfItsSignal(t *testing.T) {
	for name, sig := range map[string]Signal{
		"by time": {Kind: KindBusiness, Events: "orders_total"}, "per request": {Kind: KindBusiness, Events: "orders_total", Requests: "requests_total"},
		"number": {Kind: KindBusiness, Query: "sum(x)"},
	} {
		want, _ := sig.Scale()
		require.Equal(t, want, sig.scaled(Assessment{Kind: KindBusiness}).Factor(), name)
	}
	require.Equal(t, 1.0, Assessment{Kind: KindErrorRate}.Factor())
}
