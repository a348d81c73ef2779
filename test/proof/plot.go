package main

import (
	"fmt"
	"math"
	"strings"
)

// plot is a chart with two logarithmic axes, written as SVG. It has a background of its own, so that it reads the same on a
// light and on a dark page, and tells its lines apart by dashes, marks and words, not by colour alone.
type plot struct {
	title, across, up string
	xs, ys            axis
	lines             []line
	// limit is a level that is drawn across, if it is above 0.
	limit      float64
	limitLabel string
}

type axis struct {
	from, to float64
	ticks    []float64
	label    func(float64) string
}

// line is a row of points, joined unless it is loose.
type line struct {
	name   string
	points [][2]float64
	style  int
	loose  bool
}

const (
	plotWidth, plotHeight = 760, 430
	plotLeft, plotTop     = 78, 46
	plotRight, plotBottom = 180, 62
)

func (a axis) at(v, length float64) float64 {
	v = min(max(v, a.from), a.to)
	return length * (math.Log(v) - math.Log(a.from)) / (math.Log(a.to) - math.Log(a.from))
}

func (p plot) x(v float64) float64 { return plotLeft + p.xs.at(v, plotWidth-plotLeft-plotRight) }
func (p plot) y(v float64) float64 {
	return plotHeight - plotBottom - p.ys.at(v, plotHeight-plotTop-plotBottom)
}

// svg draws the plot.
func (p plot) svg() string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13" role="img" aria-label="%s">`+"\n", plotWidth, plotHeight, p.title)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" rx="6" fill="#fdfdfb" stroke="#888"/>`+"\n", plotWidth, plotHeight)
	fmt.Fprintf(&b, `<text x="%d" y="26" font-size="15" fill="#222">%s</text>`+"\n", plotLeft, p.title)
	right, bottom := float64(plotWidth-plotRight), float64(plotHeight-plotBottom)
	for _, v := range p.ys.ticks {
		fmt.Fprintf(&b, `<path d="M%d %.1fH%.1f" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end" fill="#333">%s</text>`+"\n", plotLeft, p.y(v), right, plotLeft-8, p.y(v)+4, p.ys.label(v))
	}
	for _, v := range p.xs.ticks {
		fmt.Fprintf(&b, `<path d="M%.1f %dV%.1f" stroke="#eee"/><text x="%.1f" y="%.1f" text-anchor="middle" fill="#333">%s</text>`+"\n", p.x(v), plotTop, bottom, p.x(v), bottom+18, p.xs.label(v))
	}
	fmt.Fprintf(&b, `<path d="M%d %dV%.1fH%.1f" fill="none" stroke="#333"/>`+"\n", plotLeft, plotTop, bottom, right)
	fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="middle" fill="#222">%s</text>`+"\n", (plotLeft+right)/2, bottom+42, p.across)
	fmt.Fprintf(&b, `<text transform="translate(18 %.1f) rotate(-90)" text-anchor="middle" fill="#222">%s</text>`+"\n", (plotTop+bottom)/2, p.up)
	if p.limit > 0 {
		fmt.Fprintf(&b, `<path d="M%d %.1fH%.1f" stroke="#222" stroke-width="2" stroke-dasharray="2 3"/><text x="%.1f" y="%.1f" fill="#222">%s</text>`+"\n", plotLeft, p.y(p.limit), right, right+8, p.y(p.limit)+4, p.limitLabel)
	}
	p.drawLines(&b)
	b.WriteString("</svg>\n")
	return b.String()
}

func (p plot) drawLines(b *strings.Builder) {
	colours := []string{"#0b5394", "#b45f06", "#38761d", "#741b47", "#444", "#990000", "#134f5c"}
	dashes := []string{"", "8 3", "2 3", "10 3 2 3", "5 5", "12 4", "1 4"}
	var taken []float64
	for i := range p.lines {
		l := p.lines[i]
		colour, path := colours[l.style%len(colours)], ""
		for _, point := range l.points {
			path += fmt.Sprintf("L%.1f %.1f", p.x(point[0]), p.y(point[1]))
			fmt.Fprint(b, mark(l.style, p.x(point[0]), p.y(point[1]), colour))
		}
		if len(l.points) == 0 {
			continue
		}
		if !l.loose {
			fmt.Fprintf(b, `<path d="M%s" fill="none" stroke="%s" stroke-width="2" stroke-dasharray="%s"/>`+"\n", path[1:], colour, dashes[l.style%len(dashes)])
		}
		last := p.y(l.points[len(l.points)-1][1])
		if l.loose {
			last = plotTop + 120 + 24*float64(i)
		}
		last = free(taken, last)
		taken = append(taken, last)
		x := float64(plotWidth - plotRight + 14)
		fmt.Fprint(b, mark(l.style, x, last, colour))
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f" fill="%s">%s</text>`+"\n", x+10, last+4, colour, l.name)
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
