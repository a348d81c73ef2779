package chart

import (
	"cmp"
	"fmt"
	"slices"
)

// mostDots is up to how many points a line shows each of them, and apart how far they must be from each other for that.
const (
	mostDots = 90
	apart    = 5
)

// dotted reports whether the points of a line are each shown.
func (d *drawing) dotted(l Line) bool {
	n := drawn(l)
	if l.Style == Limit || l.Style == Baseline || n > mostDots {
		return false
	}
	first, last := d.To, d.From
	for _, p := range l.Points {
		if _, ok := p.drawable(); ok {
			first, last = earlier(first, p.At), later(last, p.At)
		}
	}
	return n < 2 || (d.x(last)-d.x(first))/float64(n-1) >= apart
}

// line draws a course, broken where there is no data. Where the points lie apart each has a marker; where they do not, only
// those that stand alone and would not be seen otherwise.
func (d *drawing) line(l Line) {
	var path, dots []byte
	dotted := d.dotted(l)
	for i, p := range l.Points {
		v, ok := p.drawable()
		if !ok || d.flat(l, i) {
			continue
		}
		x, y := number(d.x(p.At)), number(d.y(v))
		joined, goesOn := neighbour(l.Points, i-1), neighbour(l.Points, i+1)
		command := "L"
		if !joined {
			command = "M"
		}
		path = fmt.Appendf(path, "%s%s %s", command, x, y)
		if dotted || (!joined && !goesOn) {
			dots = fmt.Appendf(dots, "M%s %sh0", x, y)
		}
	}
	if len(path) > 0 {
		class := string(l.Style)
		if !dotted {
			class += " dense"
		}
		d.printf(`<path class="line %s" d="%s"/>`, class, path)
	}
	if len(dots) > 0 {
		d.printf(`<path class="dots %s" d="%s"/>`, l.Style, dots)
	}
}

// flat reports whether a point lies between two of the same value and so adds nothing to a line without markers.
func (d *drawing) flat(l Line, i int) bool {
	if i == 0 || i == len(l.Points)-1 || (l.Style != Limit && l.Style != Baseline) {
		return false
	}
	v := l.Points[i].Value
	return l.Points[i-1].Value == v && l.Points[i+1].Value == v
}

func neighbour(points []Point, i int) bool {
	if i < 0 || i >= len(points) {
		return false
	}
	_, ok := points[i].drawable()
	return ok
}

// level is the label of a line at its right end.
type level struct {
	y     float64
	style Style
	words string
}

// levels labels limits and baselines in the margin, moved apart where they would lie on each other.
func (d *drawing) levels() {
	var all []level
	for _, l := range d.Lines {
		if l.Style != Limit && l.Style != Baseline {
			continue
		}
		for _, p := range slices.Backward(l.Points) {
			if v, ok := p.drawable(); ok {
				all = append(all, level{y: d.y(v), style: l.Style, words: l.Label + " " + valueText(v) + d.Suffix})
				break
			}
		}
	}
	slices.SortStableFunc(all, func(a, b level) int { return cmp.Compare(b.y, a.y) })
	low := float64(d.bottom)
	for _, l := range all {
		l.y = min(l.y, low)
		low = l.y - labelGap
		d.text(right+8, l.y+4, "label "+string(l.style), "start", l.words)
	}
}
