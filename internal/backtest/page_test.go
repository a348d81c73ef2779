package backtest

import (
	"bytes"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/watch"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func policies() []watch.Policy {
	return []watch.Policy{
		{Name: "web", Alpha: 0.001, Stages: []watch.Stage{{Name: "active", Until: 2 * time.Hour, Interval: time.Minute}}},
		{Name: "unused", Alpha: 0.5, Stages: []watch.Stage{{Until: time.Hour}}},
	}
}

// outcome is one deployment of shop/checkout, the n-th hour after noon.
func outcome(n int, verdict analyzer.Verdict, next string, change func(*Outcome)) Outcome {
	t0 := noon().Add(time.Duration(n) * time.Hour)
	decided := t0.Add(2 * time.Minute)
	a := analyzer.Assessment{
		Signal: "errors", Kind: analyzer.KindErrorRate, Verdict: verdict, Outcome: analyzer.OutcomeBreach, Reason: "30.00 % of requests failed",
		Value: 0.3, Limit: 0.01, MinRequests: 100, BaselineCounts: analyzer.Counts{N: 6000, K: 30}, Evidence: 12345, RequiredEvidence: 2000,
	}
	o := Outcome{
		ID: fmt.Sprintf("deploy-%d", n), Verdict: verdict, DecidedAt: &decided, Signal: "errors", Reason: "errors: " + a.Reason, Policy: "web", Next: next,
		Event: event.Event{Timestamp: t0, Namespace: "shop", Workload: "checkout", Version: fmt.Sprintf("v%d", n)},
		Evidence: Evidence{
			Namespace: "shop", Workload: "checkout", Version: fmt.Sprintf("v%d", n), T0: t0, Until: decided, EValue: 12345, Required: 2000, Signals: []analyzer.Assessment{a},
		},
		Courses: []Course{course(t0, a)},
	}
	if change != nil {
		change(&o)
	}
	return o
}

// course has ticks of a minute, of which the old version served beside the release in the first.
func course(t0 time.Time, a analyzer.Assessment) Course {
	c := Course{
		Signal:   analyzer.Signal{Name: a.Signal, Kind: a.Kind, Requests: "requests_total", Errors: "errors_total"},
		Baseline: analyzer.Baseline{From: t0.Add(-10 * time.Minute), To: t0, Step: time.Minute, Counts: a.BaselineCounts},
	}
	for i := range 10 {
		c.Baseline.Ticks = append(c.Baseline.Ticks, analyzer.Counts{N: 600, K: uint64(i % 4)})
	}
	for i, control := range []uint64{400, 0, 0} {
		c.Points = append(c.Points, Point{
			At: t0.Add(time.Duration(i+1) * time.Minute), Release: analyzer.Counts{N: 500, K: uint64(100 + 50*i)}, Control: analyzer.Counts{N: control, K: control / 200}, Assessment: a,
		})
	}
	return c
}

func outcomes() []Outcome {
	unsure := func(kind analyzer.Outcome) func(*Outcome) {
		return func(o *Outcome) { o.DecidedAt, o.Evidence.Signals[0].Outcome, o.Evidence.EValue = nil, kind, 1 }
	}
	return []Outcome{
		outcome(1, analyzer.Healthy, "followed by v2 after 1h", func(o *Outcome) {
			o.Evidence.Signals[0].Reason = "0.40 % of requests failed, within the limit of 1.00 %"
		}),
		outcome(2, analyzer.Regressed, "taken back to v1 after 20m", nil),
		outcome(3, analyzer.Regressed, "followed by v4 after 1h", func(o *Outcome) { o.Evidence.Asks = true }),
		outcome(4, analyzer.External, "followed by v5 after 1h", nil),
		outcome(5, analyzer.SickPod, "followed by v6 after 1h", nil),
		outcome(6, analyzer.NoData, "followed by v7 after 1h", unsure(analyzer.OutcomeNoData)),
		outcome(7, analyzer.Insufficient, "followed by v8 after 1h", unsure(analyzer.OutcomeBreach)),
		outcome(8, analyzer.Insufficient, "no later deployment", func(o *Outcome) {
			*o = Outcome{ID: o.ID, Verdict: o.Verdict, Reason: "no policy covers this workload, so it would not have been watched", Event: o.Event, Next: o.Next}
		}),
	}
}

func page(t *testing.T, outcomes []Outcome) string {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	var out bytes.Buffer
	p, err := NewPage(&out, policies())
	require.NoError(t, err)
	for _, o := range outcomes {
		require.NoError(t, p.Add(o))
	}
	require.NoError(t, p.End())
	require.NoError(t, p.Close())
	left, err := os.ReadDir(os.TempDir())
	require.NoError(t, err)
	require.Empty(t, left, "no temporary file is left")
	return out.String()
}

func wantGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "run with -update to accept, and look at it")
}

func TestThePageIsAsAccepted(t *testing.T) { wantGolden(t, "page.html", page(t, outcomes())) }

func TestTheTableIsAsAccepted(t *testing.T) {
	var out bytes.Buffer
	table := NewTable(&out)
	for _, o := range outcomes() {
		require.NoError(t, table.Add(o))
	}
	require.NoError(t, table.End())
	wantGolden(t, "table.txt", out.String())
}

// hostile says everything that anybody else could have written in the worst way.
func hostile(text string) Outcome {
	return outcome(1, analyzer.Regressed, text, func(o *Outcome) {
		o.ID, o.Reason, o.Signal, o.Policy, o.Verdict = text, text, text, text, analyzer.Verdict(text)
		o.Event.Namespace, o.Event.Workload, o.Event.Version = text, text, text
		a := &o.Evidence.Signals[0]
		a.Signal, a.Reason, a.Verdict, a.Unit, a.Kind = text, text, analyzer.Verdict(text), text, analyzer.KindBusiness
		c := &o.Courses[0]
		c.Signal.Name, c.Signal.Kind, c.Baseline.Problem = text, analyzer.KindBusiness, text
	})
}

func TestNothingFromOutsideBreaksOut(t *testing.T) {
	want := elements(t, page(t, []Outcome{hostile("x")}))
	for _, text := range []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `</details></style></script></svg><h1>`, `javascript:alert(1)`,
		"<!--", "]]>", "{{.}}", "&lt;b&gt;", "\x00\x1b[31m\r\n\u202e\u2028\xff", strings.Repeat("<very long>", 100_000),
	} {
		got := page(t, []Outcome{hostile(text)})
		require.Equal(t, want, elements(t, got), "%.40q adds no element and no attribute", text)
		require.NotRegexp(t, regexp.MustCompile("[\x00-\x08\x0b-\x1f\u202e\u2028]"), got)
		require.Less(t, len(got), 100_000, "long text is cut")

		var out bytes.Buffer
		table := NewTable(&out)
		require.NoError(t, table.Add(hostile(text)))
		require.NoError(t, table.End())
		require.NotRegexp(t, regexp.MustCompile("[\x00-\x09\x0b-\x1f\u202e\u2028]"), out.String())
	}
}

// elements lists what a page is made of, but for the words.
func elements(t *testing.T, page string) []string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	require.NoError(t, err)
	var out []string
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			require.NotEqual(t, html.CommentNode, n.Type)
			continue
		}
		name := n.Data
		for _, a := range n.Attr {
			name += " " + a.Key
		}
		out = append(out, name)
	}
	return out
}

func TestThePageNeedsNothingElse(t *testing.T) {
	got := page(t, outcomes())
	for _, address := range regexp.MustCompile(`https?://[^"' ]*`).FindAllString(got, -1) {
		require.Equal(t, "http://www.w3.org/2000/svg", address)
	}
	require.NotContains(t, got, "@import")
	require.NotContains(t, got, "url(")
	require.Contains(t, got, `default-src &#39;none&#39;`)
	require.NotContains(t, got, "style=", "the page's own rules forbid it")
}

func TestOddNumbersAreShown(t *testing.T) {
	for name, change := range map[string]func(*Outcome){
		"no courses": func(o *Outcome) { o.Courses = nil },
		"no points":  func(o *Outcome) { o.Courses[0].Points = nil },
		"one point":  func(o *Outcome) { o.Courses[0].Points = o.Courses[0].Points[:1] },
		"no baseline": func(o *Outcome) {
			o.Courses[0].Baseline = analyzer.Baseline{Problem: "it is a gauge"}
		},
		"nothing counted": func(o *Outcome) {
			for i := range o.Courses[0].Points {
				o.Courses[0].Points[i].Release = analyzer.Counts{}
			}
		},
		"no numbers": func(o *Outcome) {
			a := analyzer.Assessment{Value: math.NaN(), Limit: math.Inf(1), Baseline: math.NaN(), Evidence: math.NaN(), RequiredEvidence: math.Inf(1), Outcome: analyzer.OutcomeOK}
			o.Evidence.EValue, o.Evidence.Required = math.NaN(), math.Inf(1)
			o.Courses[0].Signal = analyzer.Signal{Name: "errors", Kind: analyzer.KindBusiness, Query: "vector(1)"}
			o.Courses[0].Baseline.Values = []float64{math.NaN()}
			o.Courses[0].Points[1].Assessment = a
		},
		"huge": func(o *Outcome) {
			o.Evidence.EValue = math.MaxFloat64
			o.Courses[0].Points[0].Release = analyzer.Counts{N: 1, K: math.MaxUint64}
		},
		"a decision before its time": func(o *Outcome) { o.Evidence.T0 = o.Evidence.T0.Add(time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			got := page(t, []Outcome{outcome(1, analyzer.Regressed, "", change)})
			require.Contains(t, got, "</html>")
			require.NotContains(t, got, "NaN")
			require.NotContains(t, got, "Inf")
		})
	}
}

func TestTheSummaryCounts(t *testing.T) {
	var s summary
	for _, o := range outcomes() {
		s.add(o)
	}
	require.Equal(t, "rollbackd would have rolled back 1 of 8 deployments, asked a person about 1, and left 6 alone.", s.sentence())
	require.Equal(t, "Of those left alone: 1 healthy, 1 failing by no doing of the release, 1 failing in one pod only, 3 could not be judged.", s.besides())
	require.Len(t, s.reasons(), 3)
}

func TestSpansAreShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 58 * time.Second: "58s", 10 * time.Minute: "10m", 3 * time.Hour: "3h", 2*time.Hour + 10*time.Minute: "2h10m", time.Hour + time.Second: "1h0m1s",
		34*time.Minute + 26*time.Second + 4*time.Millisecond: "34m26s",
	} {
		require.Equal(t, want, short(d))
	}
}

func TestRoughTimes(t *testing.T) {
	for d, want := range map[time.Duration]string{
		49 * time.Second:                               "49s",
		25*time.Minute + 7*time.Second:                 "25m7s",
		25*time.Hour + 16*time.Minute + 23*time.Second: "25h16m",
		47*time.Hour + 59*time.Minute + 40*time.Second: "48h",
		51*time.Hour + 42*time.Minute:                  "2d4h",
	} {
		require.Equal(t, want, rough(d))
	}
}

// longWatch has the ticks of a day of four signals.
func longWatch(n int) Outcome {
	return outcome(n, analyzer.Healthy, "", func(o *Outcome) {
		one := o.Courses[0]
		one.Points = nil
		for i := range 24 * 240 {
			at := o.Evidence.T0.Add(time.Duration(i+1) * 15 * time.Second)
			one.Points = append(one.Points, Point{At: at, Release: analyzer.Counts{N: 997, K: uint64(i * 7919 % 101)}, Control: analyzer.Counts{N: 499, K: uint64(i * 104729 % 97)}})
		}
		o.Courses = []Course{one, one, one, one}
	})
}

func TestHundredsOfLongWatchesAreNotTooMuch(t *testing.T) {
	const deployments = 10
	var all []Outcome
	for n := range deployments {
		all = append(all, longWatch(n))
	}
	require.Less(t, len(page(t, all)), deployments*30_000_000/400)
}
