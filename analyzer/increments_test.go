package analyzer

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// scrape is the scrape interval of all histories in these tests.
const scrape = 15 * time.Second

// second returns the time n seconds into a history.
func second(n int) time.Time { return time.Unix(1_700_000_000+int64(n), 0) }

// requests is a counter of a pod, written as second=value for every sample.
func requests(pod, samples string) Series { return series(pod, samples, false) }

// failures is a counter of a pod's failed requests.
func failures(pod, samples string) Series { return series(pod, samples, true) }

func series(pod, samples string, bad bool) Series {
	s := Series{Pod: pod, Bad: bad}
	for _, field := range strings.Fields(samples) {
		at, value, _ := strings.Cut(field, "=")
		n, err := strconv.ParseFloat(at, 64)
		if err != nil {
			panic(err)
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			panic(err)
		}
		s.Samples = append(s.Samples, Sample{T: second(0).UnixMilli() + int64(n*1000), V: v})
	}
	return s
}

// on puts a series on a scrape target of its own.
func on(target string, s Series) Series {
	s.Target = target
	return s
}

func everyPodIsNew(string) bool { return true }

func TestMeasure(t *testing.T) {
	for _, c := range []struct {
		name     string
		series   []Series
		from, at int
		born     func(string) bool
		want     Measurement
	}{
		{
			name:   "a counter counts what it grew by in the span",
			series: []Series{requests("a", "0=100 15=104 30=110")},
			from:   0, at: 30,
			want: Measurement{Samples: 2, Pods: map[string]Counts{"a": {N: 10}}},
		}, {
			name:   "a counter that stands still counts nothing, and that is data",
			series: []Series{requests("a", "0=100 15=100")},
			from:   0, at: 15,
			want: Measurement{Samples: 1, Pods: map[string]Counts{"a": {}}},
		}, {
			name:   "N and K come from different series of the same pod",
			series: []Series{requests("a", "0=100 15=104"), requests("a", "0=7 15=9"), failures("a", "0=7 15=9")},
			from:   0, at: 15,
			want: Measurement{Samples: 3, Pods: map[string]Counts{"a": {N: 6, K: 2}}},
		}, {
			name:   "errors counted by a metric of their own may be ahead of the requests",
			series: []Series{requests("a", "0=100 15=100"), failures("a", "0=7 15=8")},
			from:   0, at: 15,
			want: Measurement{Samples: 2, Pods: map[string]Counts{"a": {K: 1}}},
		}, {
			name:   "pods are counted apart, also while they come and go",
			series: []Series{requests("old", "0=50 15=52"), requests("both", "0=5 15=6 30=8"), requests("new", "30=3")},
			from:   0, at: 30, born: everyPodIsNew,
			want: Measurement{Samples: 4, Pods: map[string]Counts{"old": {N: 2}, "both": {N: 3}, "new": {N: 3}}},
		}, {
			name:   "a pod without a sample in the span is not named",
			series: []Series{requests("gone", "0=50"), requests("later", "30=1"), requests("here", "0=1 15=1")},
			from:   0, at: 15,
			want: Measurement{Samples: 1, Pods: map[string]Counts{"here": {}}},
		}, {
			name: "nothing measured", from: 0, at: 15,
		}, {
			name:   "a sample on From belongs to the span before, a sample on At to this one",
			series: []Series{requests("a", "0=100 15=104 30=110")},
			from:   15, at: 30,
			want: Measurement{Samples: 1, Pods: map[string]Counts{"a": {N: 6}}},
		}, {
			name:   "a counter that falls was reset to zero",
			series: []Series{requests("a", "0=100 15=4 30=10")},
			from:   0, at: 30,
			want: Measurement{Samples: 2, Pods: map[string]Counts{"a": {N: 10}}},
		}, {
			name:   "a counter that falls to zero counts nothing",
			series: []Series{requests("a", "0=100 15=0")},
			from:   0, at: 15,
			want: Measurement{Samples: 1, Pods: map[string]Counts{"a": {}}},
		}, {
			name:   "a series that appears on a target scraped before starts from zero",
			series: []Series{requests("a", "0=100 15=104"), requests("a", "15=3"), failures("a", "15=3")},
			from:   0, at: 15,
			want: Measurement{Samples: 3, Pods: map[string]Counts{"a": {N: 7, K: 3}}},
		}, {
			name:   "another pod's scrapes do not show that this pod was scraped",
			series: []Series{requests("a", "0=100 15=104"), requests("b", "15=3")},
			from:   0, at: 15,
			want: Measurement{Samples: 2, Gap: true, Pods: map[string]Counts{"a": {N: 4}, "b": {}}},
		}, {
			name:   "nor do the scrapes of another target in the same pod",
			series: []Series{on("proxy", requests("a", "1=100 16=104")), on("app", requests("a", "15=9000"))},
			from:   0, at: 30,
			want: Measurement{Samples: 3, Gap: true, Pods: map[string]Counts{"a": {N: 4}}},
		}, {
			name:   "the first sample of a new pod counts from zero",
			series: []Series{requests("a", "15=9 30=11")},
			from:   0, at: 30, born: everyPodIsNew,
			want: Measurement{Samples: 2, Pods: map[string]Counts{"a": {N: 11}}},
		}, {
			name:   "the first sample of an old pod does not: what it counted is of unknown age",
			series: []Series{requests("a", "15=9 30=11")},
			from:   0, at: 30,
			want: Measurement{Samples: 2, Gap: true, Pods: map[string]Counts{"a": {N: 2}}},
		}, {
			name:   "one missing scrape is bridged",
			series: []Series{requests("a", "0=100 30=110")},
			from:   15, at: 30,
			want: Measurement{Samples: 1, Pods: map[string]Counts{"a": {N: 10}}},
		}, {
			name:   "two missing scrapes are not",
			series: []Series{requests("a", "0=100 45=110 60=111")},
			from:   30, at: 60,
			want: Measurement{Samples: 2, Gap: true, Pods: map[string]Counts{"a": {N: 1}}},
		}, {
			name:   "a late scrape is no gap",
			series: []Series{requests("a", "0=100 37=110")},
			from:   30, at: 45,
			want: Measurement{Samples: 1, Pods: map[string]Counts{"a": {N: 10}}},
		}, {
			name:   "two and a half scrapes are no gap",
			series: []Series{requests("a", "0=100 37.5=110"), failures("a", "37.5=3")},
			from:   30, at: 45,
			want: Measurement{Samples: 2, Pods: map[string]Counts{"a": {N: 10, K: 3}}},
		}, {
			name:   "a millisecond more is one",
			series: []Series{requests("a", "0=100 37.501=110"), failures("a", "37.501=3")},
			from:   30, at: 45,
			want: Measurement{Samples: 2, Gap: true, Pods: map[string]Counts{"a": {}}},
		}, {
			name:   "what lies before the lookback is not seen, as Prometheus' ranges are open on the left",
			series: []Series{requests("a", "0=100 60=7")},
			from:   45, at: 60, born: everyPodIsNew,
			want: Measurement{Samples: 1, Pods: map[string]Counts{"a": {N: 7}}},
		}, {
			name:   "what lies within is",
			series: []Series{requests("a", "0.001=100 60=7")},
			from:   45, at: 60, born: everyPodIsNew,
			want: Measurement{Samples: 1, Gap: true, Pods: map[string]Counts{"a": {}}},
		}, {
			name:   "a gap is one however long the history that was asked for",
			series: []Series{requests("a", "0=100 600=900")},
			from:   0, at: 600, born: everyPodIsNew,
			want: Measurement{Samples: 1, Gap: true, Pods: map[string]Counts{"a": {}}},
		}, {
			name:   "a series that appears after a gap in its target's scrapes is not counted",
			series: []Series{requests("a", "0=100 45=110"), failures("a", "45=5")},
			from:   30, at: 45,
			want: Measurement{Samples: 2, Gap: true, Pods: map[string]Counts{"a": {}}},
		}, {
			name:   "nor on a new pod that was scraped before the gap",
			series: []Series{requests("a", "15=100 75=110"), failures("a", "75=5")},
			from:   0, at: 75, born: everyPodIsNew,
			want: Measurement{Samples: 3, Gap: true, Pods: map[string]Counts{"a": {N: 100}}},
		}, {
			name:   "one missing scrape before a series appears is bridged",
			series: []Series{requests("a", "0=100 30=110"), failures("a", "30=5")},
			from:   15, at: 30,
			want: Measurement{Samples: 2, Pods: map[string]Counts{"a": {N: 10, K: 5}}},
		}, {
			name: "a series that vanished with its container and came back on a scraped target starts from zero",
			series: []Series{
				requests("a", "0=100 15=2 30=4 45=6 60=8"), failures("a", "0=50 60=3"),
			},
			from: 45, at: 60,
			want: Measurement{Samples: 2, Pods: map[string]Counts{"a": {N: 2, K: 3}}},
		}, {
			name:   "the first sample after a gap is the base of the next",
			series: []Series{requests("a", "0=100 60=200 75=205 90=3")},
			from:   45, at: 90,
			want: Measurement{Samples: 3, Gap: true, Pods: map[string]Counts{"a": {N: 8}}},
		}, {
			name:   "fractions are rounded where they stand, so that rounding never adds up",
			series: []Series{requests("a", "0=0 15=0.5 30=1 45=1.5 60=2")},
			from:   0, at: 60,
			want: Measurement{Samples: 4, Pods: map[string]Counts{"a": {N: 2}}},
		}, {
			name:   "a loss of floating-point precision is no reset",
			series: []Series{requests("a", "0=100.00000000000003 15=100")},
			from:   0, at: 15,
			want: Measurement{Samples: 1, Pods: map[string]Counts{"a": {}}},
		}, {
			name:   "the largest exact count",
			series: []Series{requests("a", "0=0 15=9007199254740992")},
			from:   0, at: 15,
			want: Measurement{Samples: 1, Pods: map[string]Counts{"a": {N: 1 << 53}}},
		}, {
			name:   "a value that was no count harms only the spans that need it",
			series: []Series{requests("a", "0=NaN 15=4 30=5 45=NaN")},
			from:   15, at: 30,
			want: Measurement{Samples: 1, Pods: map[string]Counts{"a": {N: 1}}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Measure(c.series, Window{Span: Span{second(c.from), second(c.at)}, Scrape: scrape, Born: c.born})
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("Measure (-want +got):\n%s", diff)
			}
		})
	}
}

// A value that is no count makes the measurement an error and gives no number at all: one that looks half right is
// worse than none.
func TestMeasureRefusesWhatIsNoCount(t *testing.T) {
	for _, v := range []string{"NaN", "+Inf", "-Inf", "-1", "-0.0001", "9007199254740993e1", "1e300"} {
		for _, samples := range []string{"0=1 15=" + v, "0=" + v + " 15=1", "0=1 10=" + v + " 15=2"} {
			t.Run(samples, func(t *testing.T) {
				sane := requests("b", "0=1 15=2")
				got := Measure([]Series{sane, requests("a", samples), sane}, Window{Span: Span{second(0), second(15)}, Scrape: scrape})
				if !strings.Contains(got.Error, `pod "a" reports the counter value`) {
					t.Errorf("Error = %q", got.Error)
				}
				if got.Samples != 0 || got.Pods != nil {
					t.Errorf("an error came with numbers: %+v", got)
				}
			})
		}
	}
}

// A hostile pod may report anything; counts stop at the top instead of starting over at zero.
func TestCountsDoNotWrapAround(t *testing.T) {
	s := Series{Pod: "a"}
	for i := range 6000 { // 3,000 resets from the largest count
		s.Samples = append(s.Samples, Sample{T: second(i).UnixMilli(), V: float64(i % 2 * maxCount)})
	}
	m := Measure([]Series{s, s}, Window{Span: Span{second(0), second(6000)}, Scrape: scrape})
	if got := m.Total().N; got != 1<<64-1 {
		t.Errorf("%d were counted", got)
	}
	top := Counts{N: 1<<64 - 1, K: 1<<64 - 1}
	if got := top.Plus(Counts{N: 1, K: 2}); got != top {
		t.Errorf("Plus = %v", got)
	}
}

func TestLookbackReachesTheScrapeBeforeOneMissing(t *testing.T) {
	// The first sample of the span may come a whole spacing after the one it is compared with.
	if got := Lookback(scrape); got <= maxSpacing(scrape) {
		t.Errorf("Lookback = %v, the spacing is %v", got, maxSpacing(scrape))
	}
}

// A label of these series may be anything that Prometheus keeps.
func TestMeasureNamesPodsAsTheyAre(t *testing.T) {
	for _, pod := range []string{"", "a\nb", `"`, "\x00", strings.Repeat("x", 10_000)} {
		m := Measure([]Series{requests(pod, "0=1 15=2"), requests("other", "0=1 15=3")}, Window{Span: Span{second(0), second(15)}, Scrape: scrape})
		if m.Pods[pod] != (Counts{N: 1}) || m.Pods["other"] != (Counts{N: 2}) {
			t.Errorf("pod %.20q: %v", pod, m.Pods)
		}
	}
}

func BenchmarkMeasure(b *testing.B) {
	var all []Series
	for pod := range 1000 {
		name := fmt.Sprintf("checkout-7d9f8c6b5-%05d", pod)
		for code := range 5 {
			s := Series{Pod: name, Bad: code == 4}
			for i := range 5 {
				s.Samples = append(s.Samples, Sample{T: second(i * 15).UnixMilli(), V: float64(i * code)})
			}
			all = append(all, s)
		}
	}
	w := Window{Span: Span{second(45), second(60)}, Scrape: scrape}
	b.ReportAllocs()
	for b.Loop() {
		if m := Measure(all, w); m.Error != "" {
			b.Fatal(m.Error)
		}
	}
}
