package chart

import (
	"math"
	"strconv"
	"time"
)

// yScale maps values to heights.
type yScale struct {
	low, high, step float64
}

// yScaleOf finds a scale of round numbers that holds all values.
func yScaleOf(lines []Line) yScale {
	low, high, any := 0.0, 0.0, false
	for _, l := range lines {
		for _, p := range l.Points {
			v, ok := p.drawable()
			if !ok {
				continue
			}
			if !any {
				low, high, any = v, v, true
			}
			low, high = min(low, v), max(high, v)
		}
	}
	if low >= 0 && (low == high || low <= 0.7*high) { // begin at zero unless that would flatten everything
		low = 0
	}
	if low == high {
		low, high = low-math.Abs(low)/10, high+max(math.Abs(high)/10, 1e-9)
		if low == 0 {
			high = 1
		}
	}
	step := roundStep((high - low) / 4)
	return yScale{low: math.Floor(low/step) * step, high: math.Ceil(high/step-1e-9) * step, step: step}
}

// roundStep is the next of 1, 2 and 5 times a power of ten.
func roundStep(least float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(least)))
	for _, f := range []float64{1, 2, 5} {
		if f*power >= least {
			return f * power
		}
	}
	return 10 * power
}

// ticks are the values that are written at the axis.
func (s yScale) ticks() []float64 {
	var out []float64
	for i := range 10 {
		v := s.low + float64(i)*s.step
		if v > s.high+s.step/2 {
			break
		}
		out = append(out, v)
	}
	return out
}

// at is where a value lies, from 0 at the bottom to 1 at the top.
func (s yScale) at(v float64) float64 { return max(0, min(1, (v-s.low)/(s.high-s.low))) }

// tickText writes a value of the axis with as many decimals as its neighbours need.
func (s yScale) tickText(v float64) string {
	if s.step < 1e-4 || max(math.Abs(s.low), math.Abs(s.high)) >= 1e7 {
		return strconv.FormatFloat(v, 'g', 4, 64)
	}
	return strconv.FormatFloat(v, 'f', max(0, int(-math.Floor(math.Log10(s.step*1.0001)))), 64)
}

// valueText writes a value as people read it, with three significant digits and no zeros after them.
func valueText(v float64) string {
	if a := math.Abs(v); a != 0 && (a >= 1e7 || a < 1e-3) {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	if math.Abs(v) >= 100 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 3, 64), 64)
	if err != nil {
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}

// timeSteps are the distances that times at the axis may have.
func timeSteps() []time.Duration {
	return []time.Duration{
		time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute,
		15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	}
}

// mostTimes is how many times fit along the axis.
const mostTimes = 10

// times are the moments that are written at the axis, and how.
func times(from, to time.Time) (out []time.Time, layout string) {
	step := 24 * time.Hour
	for _, s := range timeSteps() {
		if to.Sub(from) <= mostTimes*s {
			step = s
			break
		}
	}
	for to.Sub(from) > mostTimes*step {
		step *= 2
	}
	layout = "15:04"
	switch {
	case step < time.Minute:
		layout = "15:04:05"
	case step >= 24*time.Hour:
		layout = "2 Jan"
	}
	for at := from.UTC().Truncate(step); !at.After(to); at = at.Add(step) {
		if !at.Before(from) {
			out = append(out, at)
		}
	}
	return out, layout
}
