package analyzer

import (
	"fmt"
	"math"
	"time"
)

// usual is what a business metric's baseline says of its normal course.
type usual struct {
	// value is the rate, in events per request or per millisecond, or the median of the numbers.
	value float64
	// low and high bound the true rate, each with the same small probability of being wrong.
	low, high float64
	// spread is a robust standard deviation of the numbers, and beyondLimit what is to be expected beyond each of the
	// distances that evidence is gathered at.
	spread      float64
	beyondLimit [len(distances)]tail
	dispersion  float64
	// missing says why there is nothing to compare with.
	missing string
}

const (
	// leastNumbers is how many numbers a baseline must hold to tell what is unusual.
	leastNumbers = 20
	// unusual is how many robust standard deviations a number must be away to be beyond its limit.
	unusual = 2
	// leastShare is the least part of a healthy release's numbers that is allowed beyond the limits.
	leastShare = 0.02
)

// distances are how far from the median, in robust standard deviations, numbers are counted. A small shift shows at the first
// of them by and by, a large one at the last at once; their bets are averaged.
var distances = [...]float64{2, 3, 4}

// tail is the part of a healthy release's numbers that is beyond a distance at the most, and how its ticks scatter.
type tail struct{ share, dispersion float64 }

// usualOf derives it; false means that there is nothing to compare with, and why.
func usualOf(sig Signal, base Baseline) (usual, bool) {
	switch {
	case base.Problem != "":
		return usual{missing: "there is no usable baseline: " + base.Problem}, false
	case sig.Query != "":
		return usualNumbers(sig, base)
	case base.Counts.N == 0 || base.Counts.K < expected:
		return usual{missing: fmt.Sprintf("the baseline holds %d events and needs %d", base.Counts.K, expected)}, false
	}
	u := usual{dispersion: scatter(base)}
	u.value, _ = base.Counts.Ratio()
	k, n := float64(base.Counts.K)/u.dispersion, float64(base.Counts.N)/u.dispersion
	const z = 3.3 // one in two thousand on either side
	u.low = k * cube(1-1/(9*k)-z/(3*math.Sqrt(k))) / n
	u.high = (k + 1) * cube(1-1/(9*(k+1))+z/(3*math.Sqrt(k+1))) / n
	return u, true
}

func cube(x float64) float64 { x = max(0, x); return x * x * x }

// usualNumbers looks at the numbers before the deployment: where they lie, how far they spread, and how many of them are
// beyond the limits that this gives.
func usualNumbers(sig Signal, base Baseline) (usual, bool) {
	if len(base.Values) < leastNumbers {
		return usual{missing: fmt.Sprintf("the baseline holds %d numbers and needs %d", len(base.Values), leastNumbers)}, false
	}
	u := usual{value: median(base.Values)}
	away := make([]float64, len(base.Values))
	for i, v := range base.Values {
		away[i] = math.Abs(v - u.value)
	}
	u.spread = 1.4826 * median(away)
	if u.spread == 0 { // more than half of the numbers are the same
		u.spread = 1.25 * mean(away)
	}
	for i, distance := range distances {
		u.beyondLimit[i] = u.tail(sig, base, distance)
	}
	return u, true
}

func (u usual) tail(sig Signal, base Baseline, distance float64) tail {
	ticks := make([]Counts, len(base.Values))
	var all Counts
	for i, v := range base.Values {
		ticks[i] = Counts{N: 1}
		if math.Abs(v-u.value) > u.margin(sig, distance) {
			ticks[i].K = 1
		}
		all = all.Plus(ticks[i])
	}
	dispersion := Baseline{Counts: all, Ticks: ticks}.Dispersion()
	return tail{share: max(leastShare, upperBound(all, dispersion, DefaultAlpha/2)), dispersion: dispersion}
}

func mean(values []float64) float64 {
	var sum float64
	for _, v := range values {
		sum += v / float64(len(values))
	}
	return sum
}

// scatter is how many times more than independent events the events of a baseline scatter, over several time scales.
func scatter(base Baseline) float64 {
	phi := 1.0
	rate, _ := base.Counts.Ratio()
	for _, scale := range scales {
		var chi, groups float64
		for from := 0; from+scale <= len(base.Ticks); from += scale {
			all := Counts{}
			for _, t := range base.Ticks[from : from+scale] {
				all = all.Plus(t)
			}
			if mean := rate * float64(all.N); mean > 0 {
				chi += (float64(all.K) - mean) * (float64(all.K) - mean) / mean
				groups++
			}
		}
		if groups >= leastGroups {
			phi = max(phi, chi/(groups-1))
		}
	}
	return phi
}

// margin is how far from the usual value is still no breach, at a distance in robust standard deviations.
func (u usual) margin(sig Signal, distance float64) float64 {
	return max(math.Abs(u.value)*sig.Rule.Relative, distance*u.spread)
}

// limit is the value beyond which a tick is in breach, downwards or upwards.
func (u usual) limit(sig Signal, down bool) float64 {
	return u.value + signed(u.margin(sig, unusual), down)
}

// beyond reports whether a value is beyond a limit that matters, and whether that is the lower one.
func (u usual) beyond(sig Signal, value float64) (down, beyond bool) {
	down = sig.Direction != Rising && value < u.limit(sig, true)
	up := (sig.Direction == Rising || sig.Direction == Either) && value > u.limit(sig, false)
	return down || sig.Direction == Falling || sig.Direction == "", down || up
}

// trail is the span over which a rate is compared: long enough to expect a number of events.
func (u usual) trail(sig Signal, t Tick) time.Duration {
	trail := max(sig.Rule.Window, minBreachTicks*t.At.Sub(t.From))
	if sig.Query == "" && sig.Requests == "" && u.value > 0 {
		trail = max(trail, min(longestTrail, time.Duration(expected/u.value)*time.Millisecond))
	}
	return trail
}

// gains weighs one tick: events against the old version beside it or else the bound of the baseline, numbers by whether they
// are beyond the limits.
func (u usual) gains(sig Signal, m Measurement, down bool) gains {
	if sig.Query != "" {
		return u.numberGains(sig, m, down)
	}
	release, control := m.Total(), m.Control
	if control.N > 0 && float64(control.N) >= leastControl*float64(release.N) && !sig.byTime() {
		return twoRates(release, control, 1+signed(sig.Rule.Relative, down), u.dispersion, down)
	}
	if down {
		return oneRate(release, u.low*(1-sig.Rule.Relative), u.dispersion, true)
	}
	return oneRate(release, u.high*(1+sig.Rule.Relative), u.dispersion, false)
}

func signed(x float64, negative bool) float64 {
	if negative {
		return -x
	}
	return x
}

// numberGains counts one number at each of the distances and averages what the bets on them bring.
func (u usual) numberGains(sig Signal, m Measurement, down bool) gains {
	var factors, out gains
	for i, distance := range distances {
		tick := Counts{N: 1}
		if u.over(sig, m, u.margin(sig, distance), down) {
			tick.K = 1
		}
		for j, gain := range oneSample(tick, u.beyondLimit[i].share, u.beyondLimit[i].dispersion) {
			factors[j] += math.Exp(gain) / float64(len(distances))
		}
	}
	for j, factor := range factors {
		out[j] = math.Log(factor)
	}
	return out
}

// over reports whether a number is farther than the margin from the usual value, and from the old version's beside it.
func (u usual) over(sig Signal, m Measurement, margin float64, down bool) bool {
	sign := signed(1, down)
	if sign*(m.value()-u.value) <= margin {
		return false
	}
	return m.ControlValue == nil || sign*(m.value()-*m.ControlValue) > sig.Rule.Relative*math.Abs(*m.ControlValue)
}

// oneRate weighs events against a rate that a healthy release does not exceed, or with down does not fall below. The factor
// (θ/q)^k e^(-(θ-q)n) of a Poisson count has expectation 1 at the rate q and less on its healthy side.
func oneRate(c Counts, q, dispersion float64, down bool) gains {
	var g gains
	if !(q > 0) {
		return g
	}
	k, n := float64(c.K), float64(c.N)
	for i, effect := range effects {
		theta := q * effect
		if down {
			theta = q / effect
		}
		g[i] = (k*math.Log(theta/q) - (theta-q)*n) / dispersion
	}
	return g
}

// twoRates is twoSample for rates, in either direction.
func twoRates(release, control Counts, ratio, dispersion float64, down bool) gains {
	var g gains
	k, all := float64(release.K), float64(release.K)+float64(control.K)
	rho := float64(release.N) / (float64(release.N) + float64(control.N))
	for i, effect := range effects {
		r := ratio * effect
		if down {
			r = ratio / effect
		}
		g[i] = (k*math.Log(r/ratio) - all*math.Log((1-rho+rho*r)/(1-rho+rho*ratio))) / dispersion
	}
	return g
}
