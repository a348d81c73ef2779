package incident

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/chart"
)

// picture is a chart of one signal and the name of its file.
type picture struct {
	signal, name string
	chart        chart.Chart
	// whole is set of a chart of the whole watch, beside one of the incident alone.
	whole bool
}

const (
	// mostPictures bounds how many signals are drawn. A policy has a handful.
	mostPictures = 20
	// leastBefore is how much of the time before a deployment is shown at the least, unless less of it was measured.
	leastBefore = 5 * time.Minute
	// longAgo is how long before a breach a deployment must have been for the two to be drawn apart.
	longAgo = 2 * time.Hour
	// around is how much of the time before such a breach is shown.
	around = 30 * time.Minute
	// margin is the share of a chart's span that is left free after the newest point.
	margin = 20
)

// pictures returns the charts of all signals of which anything was measured, the one that decided first.
func (s Summary) pictures(entries []Entry) []picture {
	var out []picture
	drawn, beside := map[string]bool{}, moments(entries)
	for _, a := range s.judged() {
		if drawn[a.Signal] || len(drawn) >= mostPictures {
			continue
		}
		drawn[a.Signal] = true
		c := courseOf(a, entries)
		if c.empty() {
			continue
		}
		name := SafeName(a.Signal) + ".svg"
		whole, near := s.spans(c)
		if near.At.IsZero() {
			out = append(out, picture{signal: a.Signal, name: "charts/" + name, chart: s.draw(c, whole, beside)})
			continue
		}
		out = append(out, picture{signal: a.Signal, name: "charts/" + name, chart: s.draw(c, near, beside)},
			picture{signal: a.Signal, name: "charts/whole/" + name, chart: s.draw(c, whole, beside), whole: true})
	}
	return out
}

// judged returns the assessments that tell of the signals, that of the one that decided first.
func (s Summary) judged() []analyzer.Assessment {
	var out []analyzer.Assessment
	for _, j := range []*Judgement{s.Decision, s.Latest, s.Verification} {
		if lead := j.Lead(); lead != nil {
			out = append(out, *lead)
		}
		if j != nil {
			out = append(out, j.Signals...)
		}
	}
	return out
}

func (c *course) empty() bool {
	for _, line := range [][]chart.Point{c.before, c.release, c.after} {
		for _, p := range line {
			if !math.IsNaN(p.Value) {
				return false
			}
		}
	}
	return true
}

// spans returns what is to be drawn: all of it, from some time before the deployment on, and where the breach came long after the
// deployment the time around the breach; that is zero where it did not.
func (s Summary) spans(c course) (whole, near analyzer.Span) {
	start, end := s.Times.Started, s.Times.State
	for _, line := range [][]chart.Point{c.before, c.release, c.after} {
		if len(line) > 0 {
			end = latest(end, line[len(line)-1].At)
			if start.IsZero() {
				start = line[0].At
			}
		}
	}
	end = latest(end, s.Times.CameBack)
	before := leastBefore
	if len(c.before) > 0 && c.before[0].At.Before(start) {
		before = min(max(before, end.Sub(start)/2), start.Sub(c.before[0].At))
	}
	whole = analyzer.Span{From: start.Add(-before), At: withMargin(start.Add(-before), end)}
	if s.Decision != nil && s.Times.FirstBreach.Sub(start) > longAgo {
		from := s.Times.FirstBreach.Add(-around)
		near = analyzer.Span{From: from, At: withMargin(from, end)}
	}
	return whole, near
}

func withMargin(from, to time.Time) time.Time { return to.Add(to.Sub(from) / margin) }

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// draw draws a course with the marks of the incident and those of what happened beside it.
func (s Summary) draw(c course, span analyzer.Span, beside []chart.Mark) chart.Chart {
	out := chart.Chart{
		Title:  fmt.Sprintf("%s of %s, version %s: %s", c.last.Signal, s.Event.workload(), or(s.version(), "unknown"), c.yLabel()),
		YLabel: clean(c.last.Signal, 24) + ": " + c.yLabel(), Suffix: c.suffix(), From: span.From, To: span.At, Marks: append(s.marks(span.From), beside...),
	}
	if b := c.base; b != nil && b.Incident != nil {
		out.Shades = []chart.Shade{{From: b.Incident.From, To: b.Incident.At, Label: "left out of the baseline"}}
	}
	good := "known good"
	if v := s.knownGood(); v != "" {
		good = short(v) + " (known good)"
	}
	out.Lines = append(s.levels(c, span),
		chart.Line{Label: good, Style: chart.Good, Points: c.goodCourse()},
		chart.Line{Label: "old version beside it", Style: chart.Beside, Points: c.beside},
		chart.Line{Label: "release " + short(or(s.version(), "unknown")), Style: chart.Release, Points: c.release},
	)
	return out
}

// short keeps a version short enough for the legend.
func short(version string) string { return clean(version, 18) }

func (s Summary) knownGood() string {
	switch {
	case s.initiated() && s.Action.To.Version != "":
		return s.Action.To.Version
	case s.Target != nil:
		return s.Target.Version
	}
	return ""
}

// goodCourse is one course of before and after, with a gap between.
func (c *course) goodCourse() []chart.Point {
	out := append([]chart.Point{}, c.before...)
	if len(out) > 0 && len(c.after) > 0 {
		out = append(out, chart.Point{At: out[len(out)-1].At.Add(time.Nanosecond), Value: math.NaN()})
	}
	return append(out, c.after...)
}

// levels are the lines that do not move: the limit, and what it is made of.
func (s Summary) levels(c course, span analyzer.Span) []chart.Line {
	level := func(label string, style chart.Style, from time.Time, v float64) chart.Line {
		return chart.Line{Label: label, Style: style, Points: []chart.Point{{At: latest(from, span.From), Value: v}, {At: span.At, Value: v}}}
	}
	from, a := s.Times.Started, c.last
	switch {
	case c.quantiles:
		return []chart.Line{level("SLO", chart.Baseline, span.From, a.SLO*c.latencyUnit()), level("limit", chart.Limit, from, a.LimitLatency*c.latencyUnit())}
	case a.Kind == analyzer.KindLatency:
		return []chart.Line{level("limit", chart.Limit, from, a.Limit*percents)}
	case a.Kind == analyzer.KindRollout:
		return []chart.Line{level("limit", chart.Limit, from, percents/2)}
	case a.Kind == analyzer.KindSmoke:
		return []chart.Line{level("limit", chart.Limit, from, 0)}
	case a.Kind == analyzer.KindBusiness && c.base != nil && c.base.Problem == "":
		return []chart.Line{level("baseline", chart.Baseline, span.From, a.Baseline), level("limit", chart.Limit, from, a.Limit)}
	case a.Kind != analyzer.KindBusiness && a.BaselineCounts.N > 0:
		return []chart.Line{level("baseline", chart.Baseline, span.From, a.Baseline*percents), level("limit", chart.Limit, from, a.Limit*percents)}
	}
	return nil
}

func (c *course) yLabel() string {
	a, trailing := c.last, " over the trailing "+brief(seconds(c.last.Window))
	switch {
	case c.quantiles && c.seconds:
		return quantileName(a) + " in seconds" + trailing
	case c.quantiles:
		return quantileName(a) + " in ms" + trailing
	case a.Kind == analyzer.KindErrorRate:
		return "% of requests failed" + trailing
	case a.Kind == analyzer.KindLatency:
		return "% of requests over " + latency(a.LimitLatency) + trailing
	case a.Kind == analyzer.KindRollout:
		return "% of the release's pods not ready"
	case a.Kind == analyzer.KindSmoke:
		return "% of a round's checks failed"
	case a.Unit == "":
		return "median" + trailing
	}
	return clean(a.Unit, 30) + trailing
}

func (c *course) suffix() string {
	switch {
	case c.quantiles && c.seconds:
		return " s"
	case c.quantiles:
		return " ms"
	case c.last.Kind == analyzer.KindBusiness:
		return ""
	}
	return " %"
}

// marks are the moments of an incident. A deployment from before the picture is named at its left end.
func (s Summary) marks(from time.Time) []chart.Mark {
	var out []chart.Mark
	mark := func(at time.Time, words string, kind chart.MarkKind) {
		if !at.IsZero() {
			out = append(out, chart.Mark{At: at, Label: words + " " + at.UTC().Format(time.TimeOnly), Kind: kind})
		}
	}
	if s.Times.Started.Before(from) && !s.Times.Started.IsZero() {
		out = append(out, chart.Mark{At: from, Label: "deployed " + s.Times.Started.UTC().Format(time.TimeOnly) + ", " + brief(from.Sub(s.Times.Started).Round(time.Minute)) + " before this"})
	} else {
		mark(s.Times.Started, "deployed", "")
	}
	if s.Decision != nil {
		mark(s.Times.FirstBreach, "breach began", "")
		mark(s.Times.Decided, "decided", chart.Decision)
	}
	if s.RolledBack {
		mark(s.changed(), "rolled back", chart.Action)
	}
	switch {
	case s.Restored:
		mark(s.Times.Restored, "recovered", chart.End)
	case s.State == stateNotRecovered:
		mark(s.Times.State, "NOT recovered", chart.End)
	case s.State == stateUnverified:
		mark(s.Times.State, "help not known", chart.End)
	}
	mark(s.Times.CameBack, "came back", chart.Action)
	return out
}

// brief writes a duration without parts that are zero: 1m, not 1m0s.
func brief(d time.Duration) string {
	out := span(d)
	if strings.HasSuffix(out, "m0s") {
		out = strings.TrimSuffix(out, "0s")
	}
	if strings.HasSuffix(out, "h0m") {
		out = strings.TrimSuffix(out, "0m")
	}
	return out
}

// Picture draws the chart of the signal that decided as PNG, for receivers that show no SVG; nil if there is nothing to draw.
func Picture(entries []Entry) ([]byte, error) {
	pictures := Fold(entries).pictures(entries)
	if len(pictures) == 0 {
		return nil, nil
	}
	return chart.PNG(pictures[0].chart)
}
