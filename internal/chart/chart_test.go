package chart

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func start() time.Time { return time.Date(2026, 3, 1, 22, 0, 0, 0, time.UTC) }

// every puts values at even distances.
func every(from time.Time, step time.Duration, values ...float64) []Point {
	out := make([]Point, len(values))
	for i, v := range values {
		out[i] = Point{At: from.Add(time.Duration(i+1) * step), Value: v}
	}
	return out
}

// release is a chart as a bad release has it.
func release() Chart {
	t0, nan := start().Add(10*time.Minute), math.NaN()
	return Chart{
		Title: "errors of shop/checkout v2", YLabel: "Requests that failed, %", Suffix: " %", From: start(), To: t0.Add(10 * time.Minute),
		Lines: []Line{
			{Label: "before, each tick", Style: Before, Points: every(start(), time.Minute, 0.1, 0.3, 0, 0.2, nan, 0.2, 0.1, 4, 0.2, 0.3)},
			{Label: "old version beside it", Style: Beside, Points: every(t0, time.Minute, 0.2, 0.4, nan, nan)},
			{Label: "release v2", Style: Release, Points: every(t0, time.Minute, 8, 9.5, nan, 12, nan, nan, 10, 11, 13)},
			{Label: "baseline", Style: Baseline, Points: every(start(), 10*time.Minute, 0.2, 0.2)},
			{Label: "limit", Style: Limit, Points: every(t0, time.Minute, 0.3, 0.3, 0.3, 0.3, 0.3)},
		},
		Marks:  []Mark{{At: t0, Label: "T0 22:10:00"}, {At: t0.Add(9 * time.Minute), Label: "would roll back 22:19:00"}},
		Shades: []Shade{{From: start().Add(7 * time.Minute), To: start().Add(8 * time.Minute), Label: "left out"}},
	}
}

// rolledBack is a chart as an incident has it: with all its marks, some of them close together.
func rolledBack() Chart {
	c := release()
	t0 := start().Add(10 * time.Minute)
	c.Lines = append(c.Lines[1:], Line{Label: "v1 (known good)", Style: Good, Points: append(append(every(start(), time.Minute, 0.1, 0.3, 0, 0.2, 0.1), Point{At: t0, Value: math.NaN()}), every(t0.Add(9*time.Minute), time.Minute, 0.2)...)})
	at := func(d time.Duration) time.Time { return t0.Add(d) }
	c.Marks = []Mark{
		{At: at(9*time.Minute + 40*time.Second), Label: "recovered 22:19:40", Kind: End}, {At: t0, Label: "deployed 22:10:00"}, {At: at(time.Minute), Label: "breach began 22:11:00"},
		{At: at(8 * time.Minute), Label: "decided 22:18:00", Kind: Decision}, {At: at(8*time.Minute + time.Second), Label: "rolled back 22:18:01", Kind: Action},
		{At: at(time.Hour), Label: "outside"},
	}
	return c
}

// canary is a chart of a canary in steps, which people were asked about: with as many marks as an incident has.
func canary() Chart {
	c := rolledBack()
	at := func(m, s int) time.Time {
		return start().Add(10*time.Minute + time.Duration(m)*time.Minute + time.Duration(s)*time.Second)
	}
	c.Marks = append(c.Marks,
		Mark{At: at(0, 2), Label: "canary 5 % 22:10:02", Kind: Step}, Mark{At: at(2, 30), Label: "canary 25 % 22:12:30", Kind: Step},
		Mark{At: at(5, 0), Label: "canary 100 % 22:15:00", Kind: Step}, Mark{At: at(3, 0), Label: "held until 23:00:00 by ana 22:13:00", Kind: Person},
		Mark{At: at(8, 0), Label: "approval asked for 22:18:00", Kind: Person}, Mark{At: at(8, 1), Label: "approved by ana 22:18:01", Kind: Person},
	)
	return c
}

func one(style Style, values ...float64) Chart {
	return Chart{Title: "one", YLabel: "values", From: start(), To: start().Add(10 * time.Minute), Lines: []Line{{Label: "l", Style: style, Points: every(start(), time.Minute, values...)}}}
}

// pictures are all kinds of them.
func pictures() map[string]Chart {
	hostile := release()
	hostile.Title, hostile.YLabel, hostile.Suffix = `"><script>alert(1)</script>`, "</text><script>\x00\x1b[31m\u202e", `"'<&>`
	hostile.Lines[2].Label = strings.Repeat("<b>very long ", 100)
	hostile.Marks[0].Label, hostile.Shades[0].Label = "]]><!--", "\xff\xfe</svg>"
	return map[string]Chart{
		"release": release(), "rolled-back": rolledBack(), "canary": canary(), "hostile": hostile,
		"empty": {}, "no-points": one(Release), "only-gaps": one(Release, math.NaN(), math.Inf(1)), "one-point": one(Release, 3),
		"lone-points": one(Before, 1, math.NaN(), 2, math.NaN()), "zero": one(Release, 0, 0, 0), "negative": one(Release, -3, -2.5, -4),
		"huge": one(Release, math.MaxFloat64, -math.MaxFloat64, 1), "tiny": one(Limit, 5e-324, 1e-300), "large-and-level": one(Release, 1e18, 1e18),
	}
}

func TestPicturesAreAsAccepted(t *testing.T) {
	for name, c := range pictures() {
		t.Run(name, func(t *testing.T) {
			got := File(c)
			wantGolden(t, name, got)
			wellFormed(t, got)
			require.NotContains(t, strings.TrimPrefix(string(got), css), "NaN")
			require.NotContains(t, string(got), "Inf")
			require.Equal(t, got, File(c), "the same chart gives the same bytes")
		})
	}
}

func wantGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".svg")
	if *update {
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got), "run with -update to accept, and look at the picture")
}

// wellFormed fails unless the picture is XML of no elements but those that draw.
func wellFormed(t *testing.T, picture []byte) {
	t.Helper()
	decoder := xml.NewDecoder(bytes.NewReader(picture))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
		if element, ok := token.(xml.StartElement); ok {
			require.Contains(t, []string{"svg", "style", "rect", "path", "text"}, element.Name.Local)
		}
	}
}

func TestADayOfTicksStaysSmall(t *testing.T) {
	c := Chart{From: start(), To: start().Add(25 * time.Hour)}
	for _, style := range []Style{Before, Beside, Release} {
		var values []float64
		for i := range 25 * 240 {
			v := 1e-3 * float64(i*7919%1000)
			if i%3 == 2 {
				v = math.NaN()
			}
			values = append(values, v)
		}
		c.Lines = append(c.Lines, Line{Label: "l", Style: style, Points: every(start(), 15*time.Second, values...)})
	}
	require.Less(t, len(SVG(c)), 30_000)
}

func TestThinningKeepsSpikesAndOutages(t *testing.T) {
	for _, tc := range []struct {
		name  string
		value float64
	}{{"spike", 100}, {"dip", -100}, {"outage", math.NaN()}} {
		t.Run(tc.name, func(t *testing.T) {
			values := make([]float64, 5000)
			for i := range values {
				values[i] = float64(i % 2)
			}
			values[3333] = tc.value
			points := every(start(), time.Second, values...)
			thinned := thin(points, start(), start().Add(5000*time.Second))
			require.LessOrEqual(t, len(thinned), 3*(buckets+1))
			require.Contains(t, fmt.Sprint(thinned), fmt.Sprint(points[3333]))
			for i := 1; i < len(thinned); i++ {
				require.True(t, thinned[i].At.After(thinned[i-1].At), "in order of time")
			}
		})
	}
}

func TestAxesHaveRoundNumbers(t *testing.T) {
	for _, tc := range []struct {
		values []float64
		want   string
	}{
		{[]float64{0, 0.9}, "0.0 0.5 1.0"},
		{[]float64{3, 97}, "0 50 100"},
		{[]float64{0.0123}, "0.000 0.005 0.010 0.015"},
		{[]float64{990, 1000}, "990 995 1000"},
		{nil, "0.0 0.5 1.0"},
	} {
		s := yScaleOf(one(Release, tc.values...).Lines)
		var got []string
		for _, v := range s.ticks() {
			got = append(got, s.tickText(v))
		}
		require.Equal(t, tc.want, strings.Join(got, " "), "%v", tc.values)
	}
}

func TestTimesFitTheSpan(t *testing.T) {
	for span, want := range map[time.Duration]string{
		30 * time.Second: "22:00:00", 6 * time.Minute: "22:00", 3 * time.Hour: "22:00", 25 * time.Hour: "00:00", 400 * 24 * time.Hour: "7 Apr",
	} {
		moments, layout := times(start(), start().Add(span))
		require.NotEmpty(t, moments)
		require.LessOrEqual(t, len(moments), mostTimes+1)
		require.Equal(t, want, moments[0].Format(layout), span.String())
	}
}
