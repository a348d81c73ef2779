package report

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// deploymentsPicture draws the deployments of each week, the bad ones at the foot of the bar.
func (r Report) deploymentsPicture() string {
	most := 1.0
	for _, w := range r.Weeks {
		most = max(most, float64(w.Deployments))
	}
	scale := steps(max(most, 5)) // there are no parts of a deployment
	p := r.weekly("Deployments of each week, and how many of them were bad", "Deployments a week", scale)
	p.grid(scale, func(v float64) string { return fmt.Sprintf("%.4g", v) })
	legend := "bad"
	for _, w := range r.Weeks {
		left, right := p.bar(w)
		bad, all := p.y(float64(w.FailureRate.Count)), p.y(float64(w.Deployments))
		p.printf(`<rect class="fine" x="%s" y="%s" width="%s" height="%s"/>`, num(left), num(all), num(right-left), num(bad-all))
		if w.FailureRate.Count > 0 {
			p.printf(`<rect class="bad" x="%s" y="%s" width="%s" height="%s"/>`, num(left), num(bad), num(right-left), num(plotBottom-bad))
			if right-left > 14 {
				legend = "bad (with their number)"
				p.text((left+right)/2, bad-4, "tick", "middle", fmt.Sprint(w.FailureRate.Count))
			}
		}
	}
	p.printf(`<rect class="bad" x="%d" y="%d" width="12" height="10"/>`, plotLeft, captionY-9)
	p.text(plotLeft+18, captionY, "label", "start", legend)
	p.printf(`<rect class="fine" x="%d" y="%d" width="12" height="10"/>`, plotLeft+180, captionY-9)
	p.text(plotLeft+198, captionY, "label", "start", "all others")
	return p.end()
}

// ratePicture draws the change failure rate of each week with its interval, and that of the whole period.
func (r Report) ratePicture() string {
	most := max(0.05, r.Period.FailureRate.High)
	for _, w := range r.Weeks {
		if w.Deployments > 0 {
			most = max(most, w.FailureRate.High)
		}
	}
	scale := steps(min(100, 100*most))
	p := r.weekly("Change failure rate of each week with its 95 % interval", "Change failure rate, % (95 % interval)", scale)
	p.grid(scale, func(v float64) string { return fmt.Sprintf("%.4g", v) })
	if whole := r.Period.FailureRate; whole.Of > 0 {
		y := p.y(100 * whole.Value)
		p.printf(`<rect class="shade" x="%d" y="%s" width="%d" height="%s"/>`, plotLeft, num(p.y(100*whole.High)), plotRight-plotLeft, num(p.y(100*whole.Low)-p.y(100*whole.High)))
		p.printf(`<path class="line baseline" d="M%d %sH%d"/>`, plotLeft, num(y), plotRight)
		p.text(plotLeft, captionY, "label", "start", fmt.Sprintf("dotted, shaded: the whole period, %s %% (%s to %s %%)", percent(whole.Value), percent(whole.Low), percent(whole.High)))
	}
	for _, w := range r.Weeks {
		if w.Deployments == 0 {
			continue
		}
		left, right := p.bar(w)
		x, reach := (left+right)/2, min(5, (right-left)/3)
		low, high := p.y(100*w.FailureRate.Low), p.y(100*w.FailureRate.High)
		p.printf(`<path class="whisker" d="M%s %sV%sM%s %sh%sM%s %sh%s"/>`, num(x), num(low), num(high), num(x-reach), num(low), num(2*reach), num(x-reach), num(high), num(2*reach))
		p.printf(`<circle class="rate" cx="%s" cy="%s" r="3.5"/>`, num(x), num(p.y(100*w.FailureRate.Value)))
	}
	if r.Period.Deployments == 0 {
		p.none("no deployments")
	}
	return p.end()
}

// weekly begins a picture with a bar's room for each week.
func (r Report) weekly(title, name string, scale []float64) *plot {
	from, to := mondayOf(r.From), mondayOf(r.From)
	var begins []time.Time
	for _, w := range r.Weeks {
		begins, to = append(begins, w.Begins), w.Begins.AddDate(0, 0, 7)
	}
	if !to.After(from) {
		to = from.AddDate(0, 0, 7)
	}
	p := newPlot(title, name, from, to, 0, scale[len(scale)-1], false)
	p.days(begins)
	return p
}

// bar is from where to where the bar of a week reaches.
func (p *plot) bar(w Week) (left, right float64) {
	left, right = p.x(w.Begins), p.x(w.Begins.AddDate(0, 0, 7))
	gap := min(4, (right-left)/6)
	return left + gap, right - gap
}

// dot is one time of one deployment.
type dot struct {
	at      time.Time
	seconds float64
	// hollow dots stand for what somebody did, and not rollbackd by itself.
	hollow bool
}

// spansPicture draws the times of single deployments on a logarithmic axis: a time that is ten times as long is as far above, wherever.
func (r Report) spansPicture(name string, whole Spans, dots []dot) string {
	low, high := 1.0, 600.0
	for _, d := range dots {
		low, high = min(low, d.seconds), max(high, d.seconds)
	}
	low = max(low, 0.1)
	p := newPlot(name, name, r.From, r.To, low*0.8, high*1.3, true)
	p.grid(moments(p.low, p.high), momentText)
	var begins []time.Time
	for _, w := range r.Weeks {
		begins = append(begins, w.Begins)
	}
	p.days(begins)
	if len(dots) == 0 {
		p.none("none in this period")
		return p.end()
	}
	if whole.Count > 0 {
		y := p.y(max(whole.Median, low))
		p.printf(`<path class="line baseline" d="M%d %sH%d"/>`, plotLeft, num(y), plotRight)
		p.text(plotLeft, captionY, "label", "start", "dotted: the "+whole.words()+hollowWords(dots))
	}
	for _, d := range dots {
		class := "rate"
		if d.hollow {
			class = "rate hollow"
		}
		p.printf(`<circle class="%s" cx="%s" cy="%s" r="4"/>`, class, num(p.x(d.at)), num(p.y(max(d.seconds, low))))
	}
	return p.end()
}

// hollowWords explain the hollow dots, if there are any.
func hollowWords(dots []dot) string {
	if slices.ContainsFunc(dots, func(d dot) bool { return d.hollow }) {
		return "; hollow: with a person's word"
	}
	return ""
}

func (s Spans) words() string {
	if s.Count == 1 {
		return "only one, " + span(s.Median)
	}
	return s.String()
}

// servicesPicture draws the change failure rates of the services that were deployed most, with their intervals: where these overlap, the
// services need not differ.
func (r Report) servicesPicture() string {
	const row, mostBars, nameRoom = 22, 20, 250
	shown := r.Services[:min(len(r.Services), mostBars)]
	height := 34 + row*max(1, len(shown)) + 22
	p := &plot{low: 0, high: 100}
	p.printf(`<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 %d %d" role="img" aria-label="Change failure rate of each service with its 95 %% interval">`, plotWidth, height)
	most := 0.1
	for _, g := range shown {
		if g.Deployments > 0 {
			most = max(most, g.FailureRate.High)
		}
	}
	scale := steps(math.Min(100, 100*most))
	x := func(v float64) float64 { return nameRoom + v/scale[len(scale)-1]*(plotRight-90-nameRoom) }
	p.text(0, 14, "name", "start", "Change failure rate, % (95 % interval)")
	for _, v := range scale {
		p.printf(`<path class="grid" d="M%s 26V%d"/>`, num(x(v)), height-20)
		p.text(x(v), float64(height-6), "tick", "middle", fmt.Sprintf("%.4g", v))
	}
	for i, g := range shown {
		y := float64(40 + row*i)
		p.text(nameRoom-10, y+4, "label", "end", clipped(g.name(), 36))
		if g.Deployments == 0 {
			continue
		}
		rate := g.FailureRate
		p.printf(`<path class="whisker" d="M%s %sH%sM%s %sv8M%s %sv8"/>`, num(x(100*rate.Low)), num(y), num(x(100*rate.High)), num(x(100*rate.Low)), num(y-4), num(x(100*rate.High)), num(y-4))
		p.printf(`<circle class="rate" cx="%s" cy="%s" r="4"/>`, num(x(100*rate.Value)), num(y))
		p.text(plotRight-78, y+4, "label", "start", fmt.Sprintf("%d of %d", rate.Count, rate.Of))
	}
	p.printf("</svg>")
	return p.String()
}

// clipped keeps the end of a name that is too long: what tells services apart is there.
func clipped(name string, most int) string {
	if runes := []rune(name); len(runes) > most {
		return "…" + string(runes[len(runes)-most+1:])
	}
	return name
}
