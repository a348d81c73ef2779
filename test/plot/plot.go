// Package plot draws charts with two logarithmic axes, as SVG.
package plot

import (
	"fmt"
	"math"
	"strings"
)

// Chart is a chart with two logarithmic axes. It has a background of its own, so that it reads the same on a
// light and on a dark page, and tells its lines apart by dashes, marks and words, not by colour alone.
type Chart struct {
	// Title is above the chart, Across and Up along its axes.
	Title, Across, Up string
	// Xs and Ys are the axes.
	Xs, Ys Axis
	// Lines are drawn in this order.
	Lines []Line
	// Limit is a level that is drawn across, if it is above 0, and LimitLabel what is written beside it.
	Limit      float64
	LimitLabel string
}

// Axis is a logarithmic axis.
type Axis struct {
	// From and To are its ends, Ticks where it has lines.
	From, To float64
	Ticks    []float64
	// Label writes a tick.
	Label func(float64) string
}

// Line is a row of points, joined unless it is loose.
type Line struct {
	// Name is written beside it.
	Name string
	// Points are pairs of x and y.
	Points [][2]float64
	// Style chooses its colour, dashes and marks.
	Style int
	// Loose points are not joined.
	Loose bool
}

const (
	plotWidth, plotHeight = 760, 430
	plotLeft, plotTop     = 78, 46
	plotRight, plotBottom = 180, 62
)

func (a Axis) at(v, length float64) float64 {
	v = min(max(v, a.From), a.To)
	return length * (math.Log(v) - math.Log(a.From)) / (math.Log(a.To) - math.Log(a.From))
}

func (p Chart) x(v float64) float64 { return plotLeft + p.Xs.at(v, plotWidth-plotLeft-plotRight) }
func (p Chart) y(v float64) float64 {
	return plotHeight - plotBottom - p.Ys.at(v, plotHeight-plotTop-plotBottom)
}

// SVG draws the chart.
func (p Chart) SVG() string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13" role="img" aria-label="%s">`+"\n", plotWidth, plotHeight, p.Title)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" rx="6" fill="#fdfdfb" stroke="#888"/>`+"\n", plotWidth, plotHeight)
	fmt.Fprintf(&b, `<text x="%d" y="26" font-size="15" fill="#222">%s</text>`+"\n", plotLeft, p.Title)
	right, bottom := float64(plotWidth-plotRight), float64(plotHeight-plotBottom)
	for _, v := range p.Ys.Ticks {
		fmt.Fprintf(&b, `<path d="M%d %.1fH%.1f" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end" fill="#333">%s</text>`+"\n", plotLeft, p.y(v), right, plotLeft-8, p.y(v)+4, p.Ys.Label(v))
	}
	for _, v := range p.Xs.Ticks {
		fmt.Fprintf(&b, `<path d="M%.1f %dV%.1f" stroke="#eee"/><text x="%.1f" y="%.1f" text-anchor="middle" fill="#333">%s</text>`+"\n", p.x(v), plotTop, bottom, p.x(v), bottom+18, p.Xs.Label(v))
	}
	fmt.Fprintf(&b, `<path d="M%d %dV%.1fH%.1f" fill="none" stroke="#333"/>`+"\n", plotLeft, plotTop, bottom, right)
	fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="middle" fill="#222">%s</text>`+"\n", (plotLeft+right)/2, bottom+42, p.Across)
	fmt.Fprintf(&b, `<text transform="translate(18 %.1f) rotate(-90)" text-anchor="middle" fill="#222">%s</text>`+"\n", (plotTop+bottom)/2, p.Up)
	if p.Limit > 0 {
		fmt.Fprintf(&b, `<path d="M%d %.1fH%.1f" stroke="#222" stroke-width="2" stroke-dasharray="2 3"/><text x="%.1f" y="%.1f" fill="#222">%s</text>`+"\n", plotLeft, p.y(p.Limit), right, right+8, p.y(p.Limit)+4, p.LimitLabel)
	}
	p.drawLines(&b)
	b.WriteString("</svg>\n")
	return b.String()
}

func (p Chart) drawLines(b *strings.Builder) {
	colours := []string{"#0b5394", "#b45f06", "#38761d", "#741b47", "#444", "#990000", "#134f5c"}
	dashes := []string{"", "8 3", "2 3", "10 3 2 3", "5 5", "12 4", "1 4"}
	var taken []float64
	for i := range p.Lines {
		l := p.Lines[i]
		colour, path := colours[l.Style%len(colours)], ""
		for _, point := range l.Points {
			path += fmt.Sprintf("L%.1f %.1f", p.x(point[0]), p.y(point[1]))
			fmt.Fprint(b, mark(l.Style, p.x(point[0]), p.y(point[1]), colour))
		}
		if len(l.Points) == 0 {
			continue
		}
		if !l.Loose {
			fmt.Fprintf(b, `<path d="M%s" fill="none" stroke="%s" stroke-width="2" stroke-dasharray="%s"/>`+"\n", path[1:], colour, dashes[l.Style%len(dashes)])
		}
		last := p.y(l.Points[len(l.Points)-1][1])
		if l.Loose {
			last = plotTop + 120 + 24*float64(i)
		}
		last = free(taken, last)
		taken = append(taken, last)
		x := float64(plotWidth - plotRight + 14)
		fmt.Fprint(b, mark(l.Style, x, last, colour))
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f" fill="%s">%s</text>`+"\n", x+10, last+4, colour, l.Name)
	}
}

// free moves a label up until it is clear of the others.
func free(taken []float64, at float64) float64 {
	for moved := true; moved; {
		moved = false
		for _, other := range taken {
			if math.Abs(other-at) < 15 {
				at, moved = other-15.5, true
			}
		}
	}
	return at
}

// mark is a shape of its own for each style.
func mark(style int, x, y float64, colour string) string {
	switch style % 4 {
	case 0:
		return fmt.Sprintf(`<circle cx="%.1f" cy="%.1f" r="4" fill="%s"/>`+"\n", x, y, colour)
	case 1:
		return fmt.Sprintf(`<rect x="%.1f" y="%.1f" width="8" height="8" fill="none" stroke="%s" stroke-width="2"/>`+"\n", x-4, y-4, colour)
	case 2:
		return fmt.Sprintf(`<path d="M%.1f %.1fl5 9h-10z" fill="%s"/>`+"\n", x, y-5, colour)
	}
	return fmt.Sprintf(`<path d="M%.1f %.1fl8 8m0 -8l-8 8" fill="none" stroke="%s" stroke-width="2"/>`+"\n", x-4, y-4, colour)
}
