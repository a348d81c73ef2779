package main

import (
	"fmt"
	"math"
	"strconv"

	"github.com/rollbackd/rollbackd/analyzer"
)

func delayAxis() axis {
	return axis{from: 10, to: 4000, ticks: []float64{15, 45, 120, 300, 900, 3600}, label: func(v float64) string { return inWords(int(v)) }}
}

func effectAxis() axis {
	return axis{from: 0.018, to: 0.55, ticks: []float64{0.02, 0.05, 0.1, 0.2, 0.5}, label: percent}
}

// falsePlot shows every cell of the grid against alpha.
func (m measured) falsePlot() plot {
	p := plot{
		title:  "Healthy releases that were rolled back, one mark a cell",
		across: "failures in the hour before the deployment, on average", up: "share of healthy releases rolled back",
		xs:    axis{from: 1, to: 60_000, ticks: []float64{1, 10, 100, 1000, 10_000}, label: func(v float64) string { return strconv.Itoa(int(v)) }},
		ys:    axis{from: 0.00005, to: 0.2, ticks: []float64{0.0001, 0.001, 0.01, 0.1}, label: percent},
		limit: 0.05, limitLabel: "alpha, 5 %",
	}
	for i, beside := range []float64{0, 0.5} {
		l := line{name: control(beside), style: i, loose: true}
		for _, f := range m.Grid {
			if f.Beside == beside {
				l.points = append(l.points, [2]float64{3600 * f.Rate * f.Bad, math.Max(0.00006, f.fraction())})
			}
		}
		p.lines = append(p.lines, l)
	}
	return p
}

// trafficPlot shows rollbackd's delays by traffic and effect.
func (m measured) trafficPlot() plot {
	p := plot{
		title:  "From the first bad request to the rollback, median",
		across: "requests that fail, of 1 % before", up: "time to rollback",
		xs: effectAxis(), ys: delayAxis(),
	}
	style := 0
	for _, beside := range []float64{0, 0.5} {
		for _, rate := range []float64{1, 10, 100} {
			name := fmt.Sprintf("%g/s, baseline", rate)
			if beside > 0 {
				name = fmt.Sprintf("%g+%g/s, old beside", rate/2, rate/2)
			}
			p.lines = append(p.lines, m.curve(name, style, 0, rate, beside))
			style++
		}
	}
	return p
}

// rivalsPlot shows the other methods' delays at 10 requests a second.
func (m measured) rivalsPlot() plot {
	p := plot{
		title:  "Methods compared: 5+5 requests a second, old version beside, median",
		across: "requests that fail, of 1 % before", up: "time until it is found",
		xs: effectAxis(), ys: delayAxis(),
	}
	p.lines = append(p.lines, m.curve("rollbackd", 0, 0, 10, 0.5))
	for i, r := range rivals() {
		p.lines = append(p.lines, m.curve(r.name, i+1, i+1, 10, 0.5))
	}
	return p
}

// curve is one method's delays at one rate, of faults from the start; what it does not find is at the top.
func (m measured) curve(name string, style, method int, rate, beside float64) line {
	l := line{name: name, style: style}
	for _, d := range m.Curves {
		if d.Kind == analyzer.KindErrorRate && d.Onset == 0 && d.Rate == rate && d.Beside == beside {
			delay := float64(d.Median[method])
			if delay < 0 {
				delay = 4000
			}
			l.points = append(l.points, [2]float64{d.Becomes, delay})
		}
	}
	return l
}
