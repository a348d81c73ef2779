package watch

import (
	"context"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/analyzer"
)

func TestBlindFor(t *testing.T) {
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	for name, c := range map[string]struct {
		all  []sight
		now  int
		want time.Duration
	}{
		"nothing is watched":                            {nil, 1000, 0},
		"one that sees":                                 {[]sight{{at(0), at(995)}}, 1000, 5 * time.Second},
		"one that has just begun":                       {[]sight{{at(990), time.Time{}}}, 1000, 10 * time.Second},
		"one of two sees":                               {[]sight{{at(0), time.Time{}}, {at(0), at(998)}}, 1000, 2 * time.Second},
		"new ones come and see nothing either":          {[]sight{{at(0), at(100)}, {at(600), time.Time{}}, {at(990), time.Time{}}}, 1000, 900 * time.Second},
		"a process that has just taken up an old watch": {[]sight{{at(995), time.Time{}}}, 1000, 5 * time.Second},
		"one catches up with what was long ago":         {[]sight{{at(995), at(100)}}, 1000, 5 * time.Second},
		"a clock that was set back":                     {[]sight{{at(0), at(1100)}}, 1000, 0},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, blindFor(c.all, at(c.now))) })
	}
}

func TestSees(t *testing.T) {
	judged := func(kind analyzer.Kind, o analyzer.Outcome) analyzer.Assessment {
		return analyzer.Assessment{Kind: kind, Outcome: o}
	}
	for name, c := range map[string]struct {
		signals []analyzer.Assessment
		want    bool
	}{
		"all have data":                     {[]analyzer.Assessment{judged(analyzer.KindErrorRate, analyzer.OutcomeOK), judged(analyzer.KindLatency, analyzer.OutcomeBreach)}, true},
		"one has none":                      {[]analyzer.Assessment{judged(analyzer.KindErrorRate, analyzer.OutcomeOK), judged(analyzer.KindLatency, analyzer.OutcomeNoData)}, false},
		"Prometheus refused one":            {[]analyzer.Assessment{judged(analyzer.KindErrorRate, analyzer.OutcomeError)}, false},
		"the cluster alone answers":         {[]analyzer.Assessment{judged(analyzer.KindRollout, analyzer.OutcomeOK)}, false},
		"the cluster does not say anything": {[]analyzer.Assessment{judged(analyzer.KindErrorRate, analyzer.OutcomeOK), judged(analyzer.KindRollout, analyzer.OutcomeNoData)}, true},
		"nothing was judged":                {nil, false},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, sees(analyzer.Judgement{Signals: c.signals})) })
	}
}

// emptySampler answers that there are no samples while it is away.
type emptySampler struct {
	Sampler
	away func() bool
}

func (s emptySampler) Sample(ctx context.Context, sig analyzer.Signal, subjects []analyzer.Subject) (map[string][]analyzer.Measurement, error) {
	got, err := s.Sampler.Sample(ctx, sig, subjects)
	if s.away() {
		for key := range got {
			for i := range got[key] {
				got[key][i] = analyzer.Measurement{}
			}
		}
	}
	return got, err
}

// While Prometheus has nothing the gauge grows, whether it says so or not at all, and it is small before and after.
func TestBlindnessIsShown(t *testing.T) {
	for name, silent := range map[string]bool{"no answer": false, "no samples": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.errorsIn = 1
				away := false
				w.failing(func(call string, _ bool) error {
					if call == "sampler.sample" && away && !silent {
						return errDown
					}
					return nil
				})
				p := w.run(func(o *Options) {
					o.Sampler = emptySampler{o.Sampler, func() bool { w.asking.Lock(); defer w.asking.Unlock(); return away && silent }}
				})
				set := func(to bool) { w.asking.Lock(); defer w.asking.Unlock(); away = to }
				blind := func() float64 { return testutil.ToFloat64(onlyFirst{p.BlindCollector()}) }
				require.Zero(t, blind(), "nothing is watched")
				require.NoError(t, p.Accept(t.Context(), w.document()))
				w.await(p, Watching)
				time.Sleep(30 * time.Second)
				require.Less(t, blind(), 15.0)
				set(true)
				time.Sleep(40 * time.Second)
				require.Greater(t, blind(), 40.0)
				set(false)
				time.Sleep(30 * time.Second)
				require.Less(t, blind(), 15.0)
				w.await(p, Healthy)
				require.Zero(t, blind())
			})
		})
	}
}

// A release that is announced while Prometheus is away has no baseline, and so no ticks: this is blindness too.
func TestAWatchWithoutABaselineIsBlind(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.failing(func(call string, _ bool) error {
			if call == "sampler.baseline" {
				return errDown
			}
			return nil
		})
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.await(p, Watching)
		time.Sleep(40 * time.Second)
		require.Greater(t, testutil.ToFloat64(onlyFirst{p.BlindCollector()}), 35.0)
	})
}

// onlyFirst shows the first metric of a collector alone.
type onlyFirst struct{ prometheus.Collector }

// Collect implements prometheus.Collector.
func (o onlyFirst) Collect(ch chan<- prometheus.Metric) {
	all := make(chan prometheus.Metric, 10)
	o.Collector.Collect(all)
	ch <- <-all
}
