package report

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math"
	"strconv"
	"time"
)

// This file draws the pictures of the page: pure functions from data to SVG. internal/chart draws one signal over minutes; what is here
// are counts and rates of weeks, and single times that reach from a second to days.

// The measures of a picture, in its own units.
const (
	plotWidth           = 880
	plotLeft, plotRight = 58, 860
	plotTop, plotBottom = 30, 190
	plotHeight          = 236
	captionY            = 230
)

// plot is a picture on its way.
type plot struct {
	bytes.Buffer
	from, to  time.Time
	low, high float64
	// logarithmic says that the values are drawn by their logarithms; low is above zero then.
	logarithmic bool
}

func newPlot(title, name string, from, to time.Time, low, high float64, logarithmic bool) *plot {
	p := &plot{from: from, to: to, low: low, high: high, logarithmic: logarithmic}
	p.printf(`<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 %d %d" role="img" aria-label="%s">`, plotWidth, plotHeight, escaped(title))
	p.text(plotLeft-8, 16, "name", "start", name)
	return p
}

func (p *plot) printf(format string, args ...any) { fmt.Fprintf(&p.Buffer, format, args...) }

func (p *plot) text(x, y float64, class, anchor, words string) {
	p.printf(`<text x="%s" y="%s" class="%s" text-anchor="%s">%s</text>`, num(x), num(y), class, anchor, escaped(words))
}

func (p *plot) end() string {
	p.printf(`<path class="axis" d="M%d %dV%dH%d"/></svg>`, plotLeft, plotTop, plotBottom, plotRight)
	return p.String()
}

func (p *plot) x(t time.Time) float64 {
	return plotLeft + float64(t.Sub(p.from))/float64(p.to.Sub(p.from))*(plotRight-plotLeft)
}

func (p *plot) y(v float64) float64 {
	part := (v - p.low) / (p.high - p.low)
	if p.logarithmic {
		part = math.Log(v/p.low) / math.Log(p.high/p.low)
	}
	return plotBottom - max(0, min(1, part))*(plotBottom-plotTop)
}

// grid draws a line at each value, with its words.
func (p *plot) grid(values []float64, words func(float64) string) {
	for _, v := range values {
		y := p.y(v)
		p.printf(`<path class="grid" d="M%d %sH%d"/>`, plotLeft, num(y), plotRight)
		p.text(plotLeft-6, y+4, "tick", "end", words(v))
	}
}

// days writes days along the axis, so many that they do not touch. All but the first of a year are without it.
func (p *plot) days(begins []time.Time) {
	every := max(1, (len(begins)+11)/12)
	for i := 0; i < len(begins); i += every {
		at := begins[i]
		if at.Before(p.from) {
			continue
		}
		p.printf(`<path class="grid" d="M%s %dv5"/>`, num(p.x(at)), plotBottom)
		layout := "2 Jan"
		if i == 0 || begins[i-every].Year() != at.Year() {
			layout = "2 Jan 06"
		}
		p.text(p.x(at), plotBottom+18, "tick", "middle", at.Format(layout))
	}
}

// none says that there is nothing to draw.
func (p *plot) none(words string) {
	p.text((plotLeft+plotRight)/2, (plotTop+plotBottom)/2, "label", "middle", words)
}

// steps are round values from zero up to the first that is not below most.
func steps(most float64) []float64 {
	step := 1e-3
	for _, f := range []float64{1, 2, 5} {
		for power := 1e-3; power < 1e9; power *= 10 {
			if s := f * power; s*5 >= most && (step*5 < most || s < step) {
				step = s
			}
		}
	}
	var out []float64
	for i := 0; ; i++ {
		out = append(out, float64(i)*step)
		if float64(i)*step >= most {
			return out
		}
	}
}

// moments are the times that are written at a logarithmic axis, in seconds.
func moments(low, high float64) []float64 {
	var out []float64
	for _, v := range []float64{1, 10, 60, 600, 3600, 6 * 3600, 24 * 3600, 7 * 24 * 3600} {
		if v >= low && v <= high {
			out = append(out, v)
		}
	}
	return out
}

func momentText(v float64) string {
	switch {
	case v < 60:
		return strconv.Itoa(int(v)) + " s"
	case v < 3600:
		return strconv.Itoa(int(v/60)) + " min"
	case v < 24*3600:
		return strconv.Itoa(int(v/3600)) + " h"
	}
	return strconv.Itoa(int(v/24/3600)) + " d"
}

func num(f float64) string { return strconv.FormatFloat(math.Round(f*10)/10, 'f', -1, 64) }

func escaped(words string) string {
	var out bytes.Buffer
	_ = xml.EscapeText(&out, []byte(plain(words))) // a buffer does not fail
	return out.String()
}
