package main

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
)

//go:embed judging.md.tmpl
var page string

// write renders judging.md and its plots.
func write(docs string, m measured) error {
	t, err := template.New("judging.md").Funcs(template.FuncMap{"percent": percent, "span": span, "seconds": inWords, "minutes": minutes, "million": million}).Parse(page)
	if err != nil {
		return err
	}
	var text strings.Builder
	if err := t.Execute(&text, m); err != nil {
		return err
	}
	for name, content := range map[string]string{
		"judging.md":             text.String(),
		"judging/false.svg":      m.falsePlot().SVG(),
		"judging/delays.svg":     m.trafficPlot().SVG(),
		"judging/comparison.svg": m.rivalsPlot().SVG(),
	} {
		file := filepath.Join(docs, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func percent(f float64) string {
	text := strconv.FormatFloat(f*100, 'f', 2, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	if f > 0 && text == "0" {
		text = strconv.FormatFloat(f*100, 'g', 1, 64)
	}
	return text + " %"
}

// inWords writes a delay in seconds as people say it.
func inWords(seconds int) string {
	switch {
	case seconds < 0:
		return "not within the hour"
	case seconds < 120:
		return fmt.Sprintf("%d s", seconds)
	}
	text := (time.Duration(seconds) * time.Second).String()
	if minutes, whole := strings.CutSuffix(text, "m0s"); whole {
		return strings.Replace(minutes, "h", " h ", 1) + " min"
	}
	return strings.TrimSuffix(strings.Replace(text, "m", " min ", 1), "s") + " s"
}

func span(seconds []int, i int) string { return inWords(seconds[i]) }

func minutes(d time.Duration) string { return fmt.Sprintf("%.3g minutes", d.Minutes()) }

func million(n int64) string { return fmt.Sprintf("%d million", n/1e6) }

// Judged is how many releases were judged in all.
func (m measured) Judged() (n int) {
	for _, f := range slices.Concat(m.Grid, m.Boundary, m.Mutants) {
		n += f.Runs
	}
	for _, d := range slices.Concat(m.Table, m.Curves) {
		n += d.Runs
	}
	for _, a := range m.Healthy {
		n += a.Runs
	}
	for _, b := range m.Blips {
		n += b.Runs
	}
	return n
}

// FewestInGrid is the least number of releases in a cell of the grid.
func (m measured) FewestInGrid() int {
	return slices.MinFunc(m.Grid, func(a, b falseRate) int { return a.Runs - b.Runs }).Runs
}

// Worst is the cell of the grid with the most false rollbacks.
func (m measured) Worst() falseRate {
	return slices.MaxFunc(m.Grid, func(a, b falseRate) int { return a.Acted*b.Runs - b.Acted*a.Runs })
}

// GridRow is one row of the table of false rollbacks: the worst of a rate's and a burst's cells, for each control.
type GridRow struct {
	Rate  float64
	Burst []float64
}

// GridTable returns, for each rate, the worst fraction for each burst: 1, 3, 5, 10.
func (m measured) GridTable(beside float64) (rows []GridRow) {
	for _, rate := range []float64{1, 10, 100, 1000} {
		row := GridRow{Rate: rate}
		for _, burst := range []float64{1, 3, 5, 10} {
			worst := 0.0
			for _, f := range m.Grid {
				if f.Beside == beside && f.Rate == rate && f.Burst == burst {
					worst = max(worst, f.fraction())
				}
			}
			row.Burst = append(row.Burst, worst)
		}
		rows = append(rows, row)
	}
	return rows
}

// Control says what a release was compared with.
func (f falseRate) Control() string { return control(f.Beside) }

// Control says what a release was compared with.
func (d delayOfRace) Control() string { return control(d.Beside) }

// Control says what a release was compared with.
func (a alarmsOfRace) Control() string { return control(a.Beside) }

func control(beside float64) string {
	if beside > 0 {
		return "old version beside it"
	}
	return "baseline"
}

// Fraction is the rate of false rollbacks.
func (f falseRate) Fraction() float64 { return f.fraction() }

// Caught says whether the test of the cell fails.
func (f falseRate) Caught() string {
	if f.within() {
		return "no"
	}
	return "yes"
}

// Met says whether a delay is at most what was asked for.
func (d delayOfRace) Met() string {
	if d.Median[0] >= 0 && d.Median[0] <= d.Asked {
		return "yes"
	}
	return "no"
}

// Signal names what goes wrong.
func (d delayOfRace) Signal() string {
	if d.Kind == analyzer.KindLatency {
		return "slow"
	}
	return "failing"
}

// Since says when the fault begins.
func (d delayOfRace) Since() string {
	if d.Onset == 0 {
		return "from the start"
	}
	return "from minute " + strconv.Itoa(int(d.Onset.Minutes())) + " on"
}

// CurvesFrom returns the races whose fault begins at the start, or later.
func (m measured) CurvesFrom(late bool) (out []delayOfRace) {
	for _, d := range m.Curves {
		if (d.Onset > 0) == late {
			out = append(out, d)
		}
	}
	return out
}
