package incident

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/chart"
)

func shownAs(points []chart.Point) string {
	var out []string
	for _, p := range points {
		out = append(out, p.At.UTC().Format("04:05")+"="+strings.TrimSuffix(fmt.Sprintf("%.4g", p.Value), ".0"))
	}
	return strings.Join(out, " ")
}

// A chart shows at the tick of the decision what the judge saw.
func TestChartsShowWhatWasJudged(t *testing.T) {
	for name, entries := range journals(t) {
		lead := Fold(entries).Decision.Lead()
		if lead == nil || lead.Kind != analyzer.KindErrorRate {
			continue
		}
		c := courseOf(*lead, entries)
		for _, p := range c.release {
			if p.At.Equal(lead.At) && math.Abs(p.Value-100*lead.Value) > 1e-9 {
				t.Errorf("%s: %v at %s, and judged was %v", name, p.Value, p.At, 100*lead.Value)
			}
		}
	}
}

func minute(n int) time.Time { return time.Date(2026, 11, 22, 10, n, 0, 0, time.UTC) }

func tickOf(phase Phase, from, at int, m analyzer.Measurement) Entry {
	return Entry{Tick: &Tick{Phase: phase, Tick: analyzer.Tick{From: minute(from), At: minute(at), Signals: map[string]analyzer.Measurement{"s": m}}}}
}

func countsOf(n, k uint64) analyzer.Measurement {
	return analyzer.Measurement{Samples: 1, Pods: map[string]analyzer.Counts{"p": {N: n, K: k}}}
}

func TestGapsAreGaps(t *testing.T) {
	beside := countsOf(100, 8)
	beside.Control = analyzer.Counts{N: 50, K: 1}
	entries := []Entry{
		tickOf(PhaseWatch, 0, 1, countsOf(100, 4)), tickOf(PhaseWatch, 1, 2, beside),
		tickOf(PhaseWatch, 2, 3, analyzer.Measurement{}), tickOf(PhaseWatch, 3, 4, analyzer.Measurement{Samples: 1, Error: "x"}),
		tickOf(PhaseWatch, 4, 5, countsOf(0, 0)),
		tickOf(PhaseWatch, 7, 8, countsOf(10, 1)), // nothing was recorded of what lies before
		tickOf(PhaseVerify, 10, 11, countsOf(10, 0)),
	}
	c := courseOf(analyzer.Assessment{Signal: "s", Kind: analyzer.KindErrorRate, Window: 120}, entries)
	for _, tc := range []struct{ what, got, want string }{
		{"release", shownAs(c.release), "01:00=4 02:00=6 03:00=NaN 04:00=NaN 05:00=NaN 07:00=NaN 08:00=10"},
		{"beside", shownAs(c.beside), "01:00=NaN 02:00=2 05:00=NaN 08:00=NaN"},
		{"after", shownAs(c.after), "11:00=0"},
	} {
		if tc.got != tc.want {
			t.Errorf("%s is %s, want %s", tc.what, tc.got, tc.want)
		}
	}
}

func TestTheTimeBefore(t *testing.T) {
	half := 0.5
	base := analyzer.Baseline{Signal: "s", From: minute(0), To: minute(10), Step: time.Minute}
	counted := base
	counted.Ticks = []analyzer.Counts{{N: 100, K: 1}, {N: 100, K: 3}, {N: 0}, {N: 100, K: 5}}
	holed := counted
	holed.Incident = &analyzer.Span{From: minute(3), At: minute(8)}
	numbers, missing := base, base
	numbers.Values, missing.Values, missing.Shown = []float64{4, 6}, []float64{4}, []*float64{&half, nil}
	quantiles := counted
	quantiles.Shown = []*float64{nil, &half}
	buckets := countsOf(10, 1)
	buckets.Buckets = analyzer.Buckets{"1": 10, "+Inf": 10}
	for _, tc := range []struct {
		name, want string
		base       analyzer.Baseline
		kind       analyzer.Kind
		tick       analyzer.Measurement
	}{
		{"counts", "07:00=1 08:00=3 09:00=NaN 10:00=5", counted, analyzer.KindErrorRate, countsOf(1, 0)},
		{"what was left out", "02:00=1 03:00=3 08:00=NaN 09:00=NaN 10:00=5", holed, analyzer.KindErrorRate, countsOf(1, 0)},
		{"numbers", "09:00=4 10:00=6", numbers, analyzer.KindBusiness, countsOf(1, 0)},
		{"missing numbers", "09:00=0.5 10:00=NaN", missing, analyzer.KindBusiness, countsOf(1, 0)},
		{"quantiles", "09:00=NaN 10:00=500", quantiles, analyzer.KindLatency, buckets},
		{"a latency without quantiles", "07:00=1 08:00=3 09:00=NaN 10:00=5", counted, analyzer.KindLatency, countsOf(1, 0)},
		{"journals of earlier versions", "", analyzer.Baseline{Signal: "s", From: minute(0), To: minute(10)}, analyzer.KindErrorRate, countsOf(1, 0)},
	} {
		c := courseOf(analyzer.Assessment{Signal: "s", Kind: tc.kind, Window: 60, Quantile: 0.95},
			[]Entry{{Baseline: []analyzer.Baseline{tc.base}}, tickOf(PhaseWatch, 10, 11, tc.tick)})
		if got := shownAs(c.before); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}

func TestAQuantileIsOfTheTrailingWindow(t *testing.T) {
	fast, slow := countsOf(100, 0), countsOf(100, 100)
	fast.Buckets, slow.Buckets = analyzer.Buckets{"100": 100, "200": 100, "+Inf": 100}, analyzer.Buckets{"100": 0, "200": 100, "+Inf": 100}
	c := courseOf(analyzer.Assessment{Signal: "s", Kind: analyzer.KindLatency, Window: 120, Quantile: 0.5, BoundUnit: 0.001},
		[]Entry{tickOf(PhaseWatch, 0, 1, fast), tickOf(PhaseWatch, 1, 2, slow), tickOf(PhaseWatch, 2, 3, slow), tickOf(PhaseWatch, 3, 4, fast)})
	if got, want := shownAs(c.release), "01:00=50 02:00=100 03:00=150 04:00=100"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestCountsWithoutBoundDoNotOverflow(t *testing.T) {
	c := courseOf(analyzer.Assessment{Signal: "s", Kind: analyzer.KindErrorRate, Window: 60}, []Entry{
		tickOf(PhaseWatch, 0, 1, countsOf(math.MaxUint64, math.MaxUint64)), tickOf(PhaseWatch, 1, 2, countsOf(math.MaxUint64, 0)), tickOf(PhaseWatch, 2, 3, countsOf(10, 5)),
	})
	if got, want := shownAs(c.release), "01:00=100 02:00=0 03:00=50"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
