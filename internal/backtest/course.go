package backtest

import (
	"fmt"
	"math"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/chart"
)

// margin is the share of a chart's span that is left free after the newest tick, for the decision to be seen.
const margin = 20

// leastBefore is how much of the time before a deployment is shown at the least.
const leastBefore = 5 * time.Minute

// chart draws what a signal showed, false if there is nothing to draw.
func (c Course) chart(o Outcome) (chart.Chart, bool) {
	if len(c.Points) == 0 || (c.Signal.Kind == analyzer.KindRollout && !c.held()) {
		return chart.Chart{}, false
	}
	t0, end := o.Evidence.T0, c.Points[len(c.Points)-1].At
	watched := max(end.Sub(t0), time.Minute)
	before := max(leastBefore, watched/2)
	if shown := c.Baseline.To.Sub(c.Baseline.From); shown > 0 {
		before = min(before, shown)
	}
	out := chart.Chart{
		Title:  fmt.Sprintf("%s of %s/%s %s", c.Signal.Name, o.Event.Namespace, o.Event.Workload, o.Event.Version),
		YLabel: c.yLabel(), Suffix: c.suffix(), From: t0.Add(-before), To: end.Add((before + watched) / margin),
		Marks: marks(o),
	}
	if c.Signal.Kind == analyzer.KindRollout {
		out.Lines = c.silence()
		return out, true
	}
	if i := c.Baseline.Incident; i != nil {
		out.Shades = []chart.Shade{{From: i.From, To: i.At, Label: "left out"}}
	}
	out.Lines = []chart.Line{
		{Label: "before, each tick", Style: chart.Before, Points: c.before()},
		{Label: "old version beside it", Style: chart.Beside, Points: c.points(t0, Point.beside)},
		{Label: "release " + plain(o.Event.Version, 18) + ", each tick", Style: chart.Release, Points: c.points(t0, c.release)},
		{Label: "baseline", Style: chart.Baseline, Points: c.level(out.To)},
		{Label: "limit", Style: chart.Limit, Points: c.limit(t0)},
	}
	return out, true
}

// marks are the moments of an outcome: T0, and the decision if there was one.
func marks(o Outcome) []chart.Mark {
	const clock = "15:04:05"
	out := []chart.Mark{{At: o.Evidence.T0, Label: "T0 " + o.Evidence.T0.UTC().Format(clock)}}
	if o.DecidedAt == nil || o.Verdict == analyzer.Healthy {
		return out
	}
	words := "not laid to the release"
	switch {
	case o.Evidence.Asks:
		words = "would ask a person"
	case o.Verdict == analyzer.Regressed:
		words = "would roll back"
	case o.Verdict == analyzer.SickPod:
		words = "one sick pod"
	}
	return append(out, chart.Mark{At: *o.DecidedAt, Label: words + " " + o.DecidedAt.UTC().Format(clock)})
}

func (c Course) yLabel() string {
	_, unit := c.Signal.Scale()
	switch c.Signal.Kind {
	case analyzer.KindErrorRate:
		return "Requests that failed, %"
	case analyzer.KindLatency:
		return fmt.Sprintf("Requests slower than %s, %%", c.Signal.Objective.Limit())
	case analyzer.KindRollout:
		return "Silent while the old version served, seconds"
	}
	if unit == "" {
		return c.Signal.Name
	}
	return c.Signal.Name + " " + unit
}

func (c Course) suffix() string {
	switch c.Signal.Kind {
	case analyzer.KindErrorRate, analyzer.KindLatency:
		return " %"
	case analyzer.KindRollout:
		return " s"
	}
	return ""
}

// points draws a value of every tick at the tick's end. No tick is a gap; neither is the time between two of them.
func (c Course) points(t0 time.Time, value func(Point) float64) []chart.Point {
	factor, _ := c.Signal.Scale()
	if c.Signal.Query != "" {
		factor = 1
	}
	out := make([]chart.Point, 0, len(c.Points))
	for _, p := range c.Points {
		if p.At.After(t0) {
			out = append(out, chart.Point{At: p.At, Value: factor * value(p)})
		}
	}
	return out
}

// release is the value of the release in one tick. That of an expression is only known as its trailing median.
func (c Course) release(p Point) float64 {
	if c.Signal.Query == "" {
		return ratio(p.Release)
	}
	if p.Assessment.Outcome != analyzer.OutcomeOK && p.Assessment.Outcome != analyzer.OutcomeBreach {
		return math.NaN()
	}
	return p.Assessment.Value
}

func (p Point) beside() float64 { return ratio(p.Control) }

func ratio(c analyzer.Counts) float64 {
	if r, ok := c.Ratio(); ok {
		return r
	}
	return math.NaN()
}

// before are the ticks of the baseline, which lie end to end before its end.
func (c Course) before() []chart.Point {
	factor, _ := c.Signal.Scale()
	values := c.Baseline.Values
	if len(values) == 0 {
		for _, t := range c.Baseline.Ticks {
			values = append(values, factor*ratio(t))
		}
	}
	out := make([]chart.Point, len(values))
	for i, v := range values {
		out[i] = chart.Point{At: c.Baseline.To.Add(-time.Duration(len(values)-1-i) * c.Baseline.Step), Value: v}
	}
	return out
}

// based reports whether there is a baseline, and what its value is.
func (c Course) based() (float64, bool) {
	factor, _ := c.Signal.Scale()
	if r, ok := c.Baseline.Counts.Ratio(); ok {
		return factor * r, true
	}
	if len(c.Baseline.Values) > 0 && len(c.Points) > 0 {
		return c.Points[0].Assessment.Baseline, true
	}
	return 0, false
}

// level is the baseline as a line over its span and on to the end of the picture. It has a point at every end of a tick, since
// only what lies inside the picture is drawn.
func (c Course) level(end time.Time) []chart.Point {
	value, ok := c.based()
	if !ok {
		return nil
	}
	out := []chart.Point{}
	step := max(c.Baseline.Step, time.Second)
	for at := c.Baseline.From; at.Before(c.Baseline.To); at = at.Add(step) {
		out = append(out, chart.Point{At: at, Value: value})
	}
	return append(out, chart.Point{At: c.Baseline.To, Value: value}, chart.Point{At: end, Value: value})
}

// limit is what the release's value is held against, from its first tick on. Without a baseline only latency has one.
func (c Course) limit(t0 time.Time) []chart.Point {
	if _, ok := c.based(); !ok && c.Signal.Kind != analyzer.KindLatency {
		return nil
	}
	factor, _ := c.Signal.Scale()
	if c.Signal.Kind == analyzer.KindBusiness { // whose assessments are scaled already
		factor = 1
	}
	out := []chart.Point{{At: t0, Value: factor * c.Points[0].Assessment.Limit}}
	for _, p := range c.Points {
		out = append(out, chart.Point{At: p.At, Value: factor * p.Assessment.Limit})
	}
	return out
}

// held reports whether a release was silent for any time.
func (c Course) held() bool {
	for _, p := range c.Points {
		if p.Assessment.Held > 0 {
			return true
		}
	}
	return false
}

// silence is for how long the release had reported nothing.
func (c Course) silence() []chart.Line {
	var silent, limit []chart.Point
	for _, p := range c.Points {
		silent = append(silent, chart.Point{At: p.At, Value: p.Assessment.Held})
		limit = append(limit, chart.Point{At: p.At, Value: p.Assessment.Required})
	}
	return []chart.Line{{Label: "limit", Style: chart.Limit, Points: limit}, {Label: "release, silent for", Style: chart.Release, Points: silent}}
}

// compared says what the ticks of a signal were compared with.
func (c Course) compared() string {
	if c.Signal.Kind == analyzer.KindRollout {
		return "the old version: whether it went on serving"
	}
	beside := 0
	for _, p := range c.Points {
		if p.Control.N > 0 && p.Control.N >= p.Release.N/20 {
			beside++
		}
	}
	before := "the time before, which holds no request that could be counted"
	if c.Baseline.Problem != "" {
		before = "the time before, which could not be counted: " + c.Baseline.Problem
	} else if value, ok := c.based(); ok {
		before = fmt.Sprintf("the %s before (%s)", short(c.Baseline.To.Sub(c.Baseline.From)), c.basis(value))
	}
	switch beside {
	case 0:
		return before
	case len(c.Points):
		return fmt.Sprintf("the old version serving beside it in all %s; and %s", count(beside, "tick"), before)
	}
	return fmt.Sprintf("the old version serving beside it in %d of %s; else %s", beside, count(len(c.Points), "tick"), before)
}

// basis says what a baseline is made of.
func (c Course) basis(value float64) string {
	n := grouped(float64(c.Baseline.Counts.N))
	_, unit := c.Signal.Scale()
	switch {
	case c.Signal.Kind == analyzer.KindErrorRate:
		return fmt.Sprintf("%s requests, %.2f %% of them failed", n, value)
	case c.Signal.Kind == analyzer.KindLatency:
		return fmt.Sprintf("%s requests, %.2f %% of them slower than %s", n, value, c.Signal.Objective.Limit())
	case c.Signal.Query == "" && c.Signal.Requests != "":
		return fmt.Sprintf("%s requests, %.4g %s", n, value, unit)
	}
	return fmt.Sprintf("%.4g %s", value, unit)
}
