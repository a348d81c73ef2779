package main

import (
	"fmt"
	"math"
	"strconv"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/test/plot"
)

func delayAxis() plot.Axis {
	return plot.Axis{From: 10, To: 4000, Ticks: []float64{15, 45, 120, 300, 900, 3600}, Label: func(v float64) string { return inWords(int(v)) }}
}

func effectAxis() plot.Axis {
	return plot.Axis{From: 0.018, To: 0.55, Ticks: []float64{0.02, 0.05, 0.1, 0.2, 0.5}, Label: percent}
}

// falsePlot shows every cell of the grid against alpha.
func (m measured) falsePlot() plot.Chart {
	p := plot.Chart{
		Title:  "Healthy releases that were rolled back, one mark a cell",
		Across: "failures in the hour before the deployment, on average", Up: "share of healthy releases rolled back",
		Xs:    plot.Axis{From: 1, To: 60_000, Ticks: []float64{1, 10, 100, 1000, 10_000}, Label: func(v float64) string { return strconv.Itoa(int(v)) }},
		Ys:    plot.Axis{From: 0.00005, To: 0.2, Ticks: []float64{0.0001, 0.001, 0.01, 0.1}, Label: percent},
		Limit: 0.05, LimitLabel: "alpha, 5 %",
	}
	for i, beside := range []float64{0, 0.5} {
		l := plot.Line{Name: control(beside), Style: i, Loose: true}
		for _, f := range m.Grid {
			if f.Beside == beside {
				l.Points = append(l.Points, [2]float64{3600 * f.Rate * f.Bad, math.Max(0.00006, f.fraction())})
			}
		}
		p.Lines = append(p.Lines, l)
	}
	return p
}

// trafficPlot shows rollbackd's delays by traffic and effect.
func (m measured) trafficPlot() plot.Chart {
	p := plot.Chart{
		Title:  "From the first bad request to the rollback, median",
		Across: "requests that fail, of 1 % before", Up: "time to rollback",
		Xs: effectAxis(), Ys: delayAxis(),
	}
	style := 0
	for _, beside := range []float64{0, 0.5} {
		for _, rate := range []float64{1, 10, 100} {
			name := fmt.Sprintf("%g/s, baseline", rate)
			if beside > 0 {
				name = fmt.Sprintf("%g+%g/s, old beside", rate/2, rate/2)
			}
			p.Lines = append(p.Lines, m.curve(name, style, 0, rate, beside))
			style++
		}
	}
	return p
}

// rivalsPlot shows the other methods' delays at 10 requests a second.
func (m measured) rivalsPlot() plot.Chart {
	p := plot.Chart{
		Title:  "Methods compared: 5+5 requests a second, old version beside, median",
		Across: "requests that fail, of 1 % before", Up: "time until it is found",
		Xs: effectAxis(), Ys: delayAxis(),
	}
	p.Lines = append(p.Lines, m.curve("rollbackd", 0, 0, 10, 0.5))
	for i, r := range rivals() {
		p.Lines = append(p.Lines, m.curve(r.name, i+1, i+1, 10, 0.5))
	}
	return p
}

// curve is one method's delays at one rate, of faults from the start; what it does not find is at the top.
func (m measured) curve(name string, style, method int, rate, beside float64) plot.Line {
	l := plot.Line{Name: name, Style: style}
	for _, d := range m.Curves {
		if d.Kind == analyzer.KindErrorRate && d.Onset == 0 && d.Rate == rate && d.Beside == beside {
			delay := float64(d.Median[method])
			if delay < 0 {
				delay = 4000
			}
			l.Points = append(l.Points, [2]float64{d.Becomes, delay})
		}
	}
	return l
}
