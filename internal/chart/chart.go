// Package chart draws a signal over time as SVG, and as PNG for those who show no SVG.
//
// It is a pure function from data to bytes: the same chart gives the same picture, in a page and in a file of its own. It
// draws by itself because what it draws must be readable in light and dark, on paper and without colour, and must show gaps
// as gaps: colours are CSS variables, lines are told apart by dashes and markers, and everything that matters is labelled.
package chart

import (
	"math"
	"time"
)

// Chart is what is drawn.
type Chart struct {
	// Title is read out to those who cannot see the picture.
	Title string
	// YLabel says what the values are, Suffix is written behind each of them (" %").
	YLabel, Suffix string
	// From and To are the span that is shown; what lies outside is left out.
	From, To time.Time
	Lines    []Line
	Marks    []Mark
	Shades   []Shade
}

// Line is one course of values in order of time.
type Line struct {
	Label  string
	Style  Style
	Points []Point
}

// Point is a value at a time. A value that is no finite number is a gap.
type Point struct {
	At    time.Time
	Value float64
}

// Style says what a line stands for, and so what it looks like.
type Style string

// The styles. A limit and a baseline are labelled at the line with its newest value, the others below the picture.
const (
	Release Style = "release"
	// Good is the version that was gone back to, before and after.
	Good     Style = "good"
	Beside   Style = "beside"
	Before   Style = "before"
	Limit    Style = "limit"
	Baseline Style = "baseline"
)

// Shade is a span with its name.
type Shade struct {
	From, To time.Time
	Label    string
}

// huge bounds the values, so that no difference of two of them overflows.
const huge = 1e300

// drawable is the value within bounds, false for a gap.
func (p Point) drawable() (float64, bool) {
	if math.IsNaN(p.Value) || math.IsInf(p.Value, 0) {
		return 0, false
	}
	return max(-huge, min(huge, p.Value)), true
}

// within returns the chart with only those points that lie in its span, and with a span that is one.
func (c Chart) within() Chart {
	if !c.To.After(c.From) {
		c.To = c.From.Add(time.Minute)
	}
	lines := make([]Line, 0, len(c.Lines))
	for _, l := range c.Lines {
		var kept []Point
		for _, p := range l.Points {
			if !p.At.Before(c.From) && !p.At.After(c.To) {
				kept = append(kept, p)
			}
		}
		l.Points = thin(kept, c.From, c.To)
		lines = append(lines, l)
	}
	c.Lines, c.Marks = lines, c.visible()
	return c
}
