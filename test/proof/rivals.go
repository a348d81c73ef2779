package main

import (
	"math"
	"slices"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
)

// rival is another way to find bad releases, on the same ticks. It returns the number of the tick in which it does, from 1
// on, or 0.
type rival struct {
	name, says string
	find       func(p *plan, h history) int16
}

func rivals() []rival {
	return []rival{
		{"naive rule", "the rate over 5 minutes is more than 10 % above the baseline's, for 5 minutes", naive},
		{"Kayenta", "one look after 30 minutes: of 30 values a minute apart the 98 % confidence interval of the shift lies above a quarter of its estimate", kayenta},
		{"PipeCD", "every 5 minutes: of 5 values a minute apart each, a one-sided Mann–Whitney test at 5 %", pipecd},
		{"burn rate", "14.4 times what an objective of 99.9 % allows, over 1 hour and over 5 minutes", burnRate},
	}
}

const perMinute = int(time.Minute / interval)

// naive is the rule that an alert on rate() would be.
func naive(_ *plan, h history) int16 {
	base, _ := h.baseline.Counts.Ratio()
	held := 0
	for i := range h.ticks {
		value, served := sumRelease(h.ticks[max(0, i+1-5*perMinute) : i+1]).Ratio()
		if !served || value <= base*1.1 {
			held = 0
			continue
		}
		if held++; held > 5*perMinute {
			return int16(i + 1)
		}
	}
	return 0
}

// burnRate is the first of the pairs of windows that the SRE workbook pages for. What was served before the release is the
// old version's.
func burnRate(_ *plan, h history) int16 {
	const most = 14.4 * 0.001
	all := slices.Clone(h.baseline.Ticks)
	before := len(all)
	for _, t := range h.ticks {
		all = append(all, t.release.Plus(t.control))
	}
	for i := before; i < len(all); i++ {
		long, _ := sum(all[max(0, i+1-60*perMinute) : i+1]).Ratio()
		short, _ := sum(all[max(0, i+1-5*perMinute) : i+1]).Ratio()
		if long > most && short > most {
			return int16(i + 1 - before)
		}
	}
	return 0
}

// kayenta is its judge's classifier (MannWhitneyClassifier, tolerance 0.25, confidence 98 %) at the end of a canary of half
// an hour.
func kayenta(_ *plan, h history) int16 {
	const minutes = 30
	release, control := h.minutes(0, minutes)
	if len(release) == 0 || len(control) == 0 {
		return 0
	}
	var shifts []float64
	for _, x := range release {
		for _, y := range control {
			shifts = append(shifts, x-y)
		}
	}
	slices.Sort(shifts)
	estimate := shifts[len(shifts)/2]
	n, m := float64(len(release)), float64(len(control))
	rank := int(math.Round(n*m/2 - 2.326*math.Sqrt(n*m*(n+m+1)/12)))
	if rank < 1 || shifts[rank-1] <= 0.25*math.Abs(estimate) {
		return 0
	}
	return minutes * int16(perMinute)
}

// pipecd is its analysis of a canary against its baseline, with a failure limit of none.
func pipecd(_ *plan, h history) int16 {
	const minutes = 5
	for at := 0; (at+minutes)*perMinute <= len(h.ticks); at += minutes {
		release, control := h.minutes(at, at+minutes)
		if len(release) > 0 && len(control) > 0 && mannWhitney(release, control) <= 0.05 {
			return int16((at + minutes) * perMinute)
		}
	}
	return 0
}

// mannWhitney is the probability, if nothing differs, of xs being above ys by as much as they are: by the normal
// approximation with corrections for continuity and ties.
func mannWhitney(xs, ys []float64) float64 {
	all := slices.Concat(xs, ys)
	slices.Sort(all)
	var u, ties float64
	for _, x := range xs {
		for _, y := range ys {
			switch {
			case x > y:
				u++
			case x == y:
				u += 0.5
			}
		}
	}
	for i, run := 0, 0; i < len(all); i += run {
		for run = 1; i+run < len(all) && all[i+run] == all[i]; run++ {
		}
		t := float64(run)
		ties += t*t*t - t
	}
	n, m := float64(len(xs)), float64(len(ys))
	variance := n * m / 12 * (n + m + 1 - ties/((n+m)*(n+m-1)))
	if variance <= 0 {
		return 1
	}
	return 0.5 * math.Erfc((u-n*m/2-0.5)/math.Sqrt(2*variance))
}

// minutes returns the fractions of each minute, of the release and of its control: the old version beside it or, if that is
// gone, as many of the last minutes before the deployment.
func (h history) minutes(from, to int) (release, control []float64) {
	old := h.baseline.Ticks[max(0, len(h.baseline.Ticks)-(to-from)*perMinute):]
	for i := range to - from {
		ticks := h.ticks[(from+i)*perMinute : (from+i+1)*perMinute]
		if value, served := sumRelease(ticks).Ratio(); served {
			release = append(release, value)
		}
		var c analyzer.Counts
		for _, t := range ticks {
			c = c.Plus(t.control)
		}
		if c.N == 0 {
			c = sum(old[i*perMinute : (i+1)*perMinute])
		}
		if value, served := c.Ratio(); served {
			control = append(control, value)
		}
	}
	return release, control
}

func sum(ticks []analyzer.Counts) (all analyzer.Counts) {
	for _, t := range ticks {
		all = all.Plus(t)
	}
	return all
}

func sumRelease(ticks []pair) (all analyzer.Counts) {
	for _, t := range ticks {
		all = all.Plus(t.release)
	}
	return all
}
