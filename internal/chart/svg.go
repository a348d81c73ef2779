package chart

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strconv"
	"time"
	"unicode"
)

// The measures of a picture, in its own units; a page scales it.
const (
	width       = 880
	left, right = 58, 752
	// plotHeight is that of what lies between the axes. Above it are the name of the values and a row for each mark, at least
	// leastRows; below it times and the legend.
	plotHeight, below = 152, 62
	leastRows         = 2
	nameY, timesBelow = 14, 16
	legendBelow       = 50
	markHeight        = 14
	labelGap          = 14
	// zoneRight keeps the time zone and the date clear of a time at the right end of the axis.
	zoneRight = 24
	// longest is how many letters of a label are shown, and letter about how wide one is.
	longest = 60
	letter  = 6.6
)

// drawing is a picture on its way.
type drawing struct {
	Chart
	scale yScale
	// places are those of the marks' labels.
	places []place
	// top and bottom are the heights of the upper and the lower end of the axis.
	top, bottom int
	out         bytes.Buffer
}

// SVG draws a chart for a page that holds Style once.
func SVG(c Chart) []byte { return draw(c, "") }

// File draws a chart that stands on its own.
func File(c Chart) []byte { return draw(c, CSS()) }

func draw(c Chart, style string) []byte {
	d := drawing{Chart: c.within()}
	d.scale = yScaleOf(d.Lines)
	d.places = d.layOut()
	d.top = nameY + markHeight*max(leastRows, rows(d.places)) + 12
	d.bottom = d.top + plotHeight
	d.printf(`<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 %d %d" role="img" aria-label="%s">`, width, d.bottom+below, escape(c.Title, 300))
	if style != "" {
		d.printf("<style>%s</style><rect class=\"paper\" width=\"%d\" height=\"%d\"/>", style, width, d.bottom+below)
	}
	d.shades()
	d.axes()
	for _, l := range d.Lines {
		d.line(l)
	}
	d.marks()
	d.levels()
	d.legend()
	d.printf("</svg>\n")
	return d.out.Bytes()
}

// printf writes to a buffer, which does not fail.
func (d *drawing) printf(format string, args ...any) { fmt.Fprintf(&d.out, format, args...) }

// text writes words that came from anywhere. What is given besides is written by this package.
func (d *drawing) text(x, y float64, class, anchor, words string) {
	d.printf(`<text x="%s" y="%s" class="%s" text-anchor="%s">%s</text>`, number(x), number(y), class, anchor, escape(words, longest))
}

func (d *drawing) x(at time.Time) float64 {
	return left + float64(at.Sub(d.From))/float64(d.To.Sub(d.From))*(right-left)
}

func (d *drawing) y(v float64) float64 { return float64(d.bottom) - d.scale.at(v)*plotHeight }

func (d *drawing) axes() {
	d.text(left-8, nameY, "name", "start", d.YLabel)
	for _, v := range d.scale.ticks() {
		y := d.y(v)
		d.printf(`<path class="grid" d="M%d %sH%d"/>`, left, number(y), right)
		d.text(left-6, y+4, "tick", "end", d.scale.tickText(v)+d.Suffix)
	}
	moments, layout := times(d.From, d.To)
	for i, at := range moments {
		d.printf(`<path class="grid" d="M%s %dv4"/>`, number(d.x(at)), d.bottom)
		d.text(d.x(at), float64(d.bottom+timesBelow), "tick", "middle", at.Format(layout))
		if i > 0 && at.YearDay() != moments[i-1].YearDay() && layout != "2 Jan" {
			d.text(d.x(at), float64(d.bottom+timesBelow+13), "tick", "middle", at.Format("2 Jan"))
		}
	}
	d.text(right+zoneRight, float64(d.bottom+timesBelow), "tick", "start", d.From.UTC().Format("UTC, 2 Jan 2006"))
	d.printf(`<path class="axis" d="M%d %dV%dH%d"/>`, left, d.top, d.bottom, right)
}

func (d *drawing) shades() {
	for _, s := range d.Shades {
		from, to := d.x(later(s.From, d.From)), d.x(earlier(s.To, d.To))
		if to <= from {
			continue
		}
		d.printf(`<rect class="shade" x="%s" y="%d" width="%s" height="%d"/>`, number(from), d.top, number(to-from), plotHeight)
		if from+3+letter*float64(len([]rune(clip(s.Label, longest)))) <= right {
			d.text(from+3, float64(d.bottom-5), "tick", "start", s.Label)
		} else { // the names of the levels stand there
			d.text(to-3, float64(d.bottom-5), "tick", "end", s.Label)
		}
	}
}

// legend explains the lines that have anything to show.
func (d *drawing) legend() {
	x, shown := float64(left), false
	for _, l := range d.Lines {
		if drawn(l) == 0 {
			d.missing(l)
			continue
		}
		shown = true
		if l.Style == Limit || l.Style == Baseline {
			continue
		}
		d.printf(`<path class="line %s" d="M%s %dh28"/>`, l.Style, number(x), d.bottom+legendBelow-4)
		d.printf(`<path class="dots %s" d="M%s %dh0"/>`, l.Style, number(x+14), d.bottom+legendBelow-4)
		d.text(x+35, float64(d.bottom+legendBelow), "label", "start", l.Label)
		x += 60 + letter*float64(len([]rune(clip(l.Label, longest))))
	}
	if !shown {
		d.text((left+right)/2, float64(d.top+d.bottom)/2, "label", "middle", "no data")
	}
}

// missing says in the picture that there is nothing of what it is about, where one looks for it: after the first mark.
func (d *drawing) missing(l Line) {
	if l.Style != Release || len(d.Marks) == 0 {
		return
	}
	d.text((d.x(d.Marks[0].At)+right)/2, float64(d.top+d.bottom)/2, "label", "middle", "no data of the release")
}

// drawn counts the points of a line that are no gaps.
func drawn(l Line) int {
	n := 0
	for _, p := range l.Points {
		if _, ok := p.drawable(); ok {
			n++
		}
	}
	return n
}

func number(f float64) string { return strconv.FormatFloat(float64(int(f*10+0.5))/10, 'f', -1, 64) }

// escape makes text from anywhere harmless: bounded, without markup, and without characters that cannot be seen, of which some
// are no XML and some turn the text around.
func escape(words string, most int) string {
	var out bytes.Buffer
	_ = xml.EscapeText(&out, []byte(clip(words, most))) // a buffer does not fail
	return out.String()
}

func clip(words string, most int) string {
	runes := []rune(words)
	if len(runes) > most {
		runes = append(runes[:most-1:most-1], '…')
	}
	for i, r := range runes {
		if !unicode.IsPrint(r) && r != '\u00a0' {
			runes[i] = unicode.ReplacementChar
		}
	}
	return string(runes)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
