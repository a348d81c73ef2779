package analyzer

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// businessHistory is a metric before and after a release, one value a tick of 15 seconds.
type businessHistory struct {
	sig     Signal
	before  []Measurement
	after   []Measurement
	control []Counts
	// around is what every tick says of other days.
	around *Around
}

func perRequest() Signal {
	return Signal{
		Name: "orders", Kind: KindBusiness, Events: "orders_total", Requests: "requests_total", Scrape: 15 * time.Second,
		Rule: Sustained{Relative: 0.1, Window: time.Minute, For: 5 * time.Minute, MinRequests: 100},
	}
}

func byClock() Signal {
	sig := perRequest()
	sig.Requests = ""
	return sig
}

func anyNumber(d Direction) Signal {
	sig := perRequest()
	sig.Requests, sig.Events, sig.Query, sig.Direction = "", "", "conversion", d
	return sig
}

func servedWith(n, k uint64) Measurement {
	return Measurement{Samples: 4, Pods: map[string]Counts{"a": {N: n, K: k}}}
}

// ordersOf draws how many events a tick of n requests has.
func ordersOf(rnd *rand.Rand, n uint64, rate float64) Measurement {
	var k uint64
	for range n {
		if rnd.Float64() < rate {
			k++
		}
	}
	return servedWith(n, k)
}

func drawn(ticks int, one func() Measurement) []Measurement {
	out := make([]Measurement, ticks)
	for i := range out {
		out[i] = one()
	}
	return out
}

func gauge(v float64) Measurement { return Measurement{Samples: 1, Value: &v} }

// verdicts judges the history and returns the verdict at each tick, and the last judgement.
func (h businessHistory) verdicts() ([]Verdict, Judgement) {
	t0 := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	const step = 15 * time.Second
	base := Baseline{Signal: h.sig.Name, From: t0.Add(-time.Duration(len(h.before)) * step), To: t0, Step: step}
	for _, m := range h.before {
		base.Counts = base.Counts.Plus(m.Total())
		base.Ticks = append(base.Ticks, m.Total())
		if m.Value != nil {
			base.Values = append(base.Values, *m.Value)
		}
	}
	rules := Rules{Signals: []Signal{h.sig}, Guarded: h.around != nil}
	var st State
	var j Judgement
	var out []Verdict
	for i, m := range h.after {
		if i < len(h.control) {
			m.Control = h.control[i]
		}
		tick := Tick{From: t0.Add(time.Duration(i) * step), At: t0.Add(time.Duration(i+1) * step), Signals: map[string]Measurement{h.sig.Name: m}}
		if _, suspected := st.Suspects(rules)[h.sig.Name]; suspected {
			tick.Around = map[string]Around{h.sig.Name: *h.around}
		}
		st, j = Step(rules, map[string]Baseline{h.sig.Name: base}, st, tick)
		out = append(out, j.Verdict)
	}
	return out, j
}

// firstAs returns the first tick with the verdict, counted from 1; 0 if there is none.
func firstAs(verdicts []Verdict, wanted Verdict) int {
	for i, v := range verdicts {
		if v == wanted {
			return i + 1
		}
	}
	return 0
}

func TestBusinessMetrics(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	orders := func(rate float64) func() Measurement {
		return func() Measurement { return ordersOf(rnd, 300, rate) }
	}
	minute := func(k uint64) func() Measurement {
		return func() Measurement { return servedWith(15000, k+rnd.Uint64N(3)) }
	}
	ratio := func(mean, spread float64) func() Measurement {
		return func() Measurement { return gauge(mean + spread*rnd.NormFloat64()) }
	}
	half := make([]Counts, 40)
	for i := range half {
		half[i] = Counts{N: 300, K: 6}
	}
	for _, c := range []struct {
		name string
		businessHistory
		// within is the tick by which it must be REGRESSED; 0 means never.
		within int
		last   Verdict
	}{
		{"orders as before", businessHistory{sig: perRequest(), before: drawn(240, orders(.04)), after: drawn(400, orders(.04))}, 0, Healthy},
		{"orders halved", businessHistory{sig: perRequest(), before: drawn(240, orders(.04)), after: drawn(40, orders(.02))}, 24, Regressed},
		{"no orders at all", businessHistory{sig: perRequest(), before: drawn(240, orders(.04)), after: drawn(40, orders(0))}, 8, Regressed},
		{"more orders are no harm", businessHistory{sig: perRequest(), before: drawn(240, orders(.04)), after: drawn(200, orders(.08))}, 0, Healthy},
		{"halved for the old version beside it too", businessHistory{sig: perRequest(), before: drawn(240, orders(.04)), after: drawn(40, orders(.02)), control: half}, 0, Insufficient},
		{"hardly any orders before", businessHistory{sig: perRequest(), before: drawn(240, orders(.00001)), after: drawn(200, orders(0))}, 0, Insufficient},
		{"by the clock, as before", businessHistory{sig: byClock(), before: drawn(240, minute(9)), after: drawn(200, minute(9))}, 0, Healthy},
		{"by the clock, fewer", businessHistory{sig: byClock(), before: drawn(240, minute(9)), after: drawn(60, minute(3))}, 24, Regressed},
		{"by the clock, fewer after as long as the baseline is", businessHistory{sig: byClock(), before: drawn(240, minute(9)), after: append(drawn(241, minute(9)), drawn(200, minute(3))...)}, 0, Healthy},
		{"by the clock, as few as yesterday", businessHistory{sig: byClock(), before: drawn(240, minute(9)), after: drawn(60, minute(3)),
			around: &Around{References: []Reference{{Ago: day, Before: 10, During: 3.5}}}}, 0, External},
		{"by the clock, fewer than yesterday", businessHistory{sig: byClock(), before: drawn(240, minute(9)), after: drawn(60, minute(3)),
			around: &Around{References: []Reference{{Ago: day, Before: 10, During: 9}}}}, 30, Regressed},
		{"a number as before", businessHistory{sig: anyNumber(Either), before: drawn(240, ratio(.3, .01)), after: drawn(200, ratio(.3, .01))}, 0, Healthy},
		{"a number that fell", businessHistory{sig: anyNumber(Falling), before: drawn(240, ratio(.3, .01)), after: drawn(60, ratio(.2, .01))}, 24, Regressed},
		{"a number that fell, though rising was feared", businessHistory{sig: anyNumber(Rising), before: drawn(240, ratio(.3, .01)), after: drawn(60, ratio(.2, .01))}, 0, Healthy},
		{"a number that rose", businessHistory{sig: anyNumber(Either), before: drawn(240, ratio(.3, .01)), after: drawn(60, ratio(.4, .01))}, 24, Regressed},
		{"a number with a short baseline", businessHistory{sig: anyNumber(Either), before: drawn(10, ratio(.3, .01)), after: drawn(60, ratio(.1, .01))}, 0, Insufficient},
		{"no number any more", businessHistory{sig: anyNumber(Falling), before: drawn(240, ratio(.3, .01)), after: drawn(20, func() Measurement { return Measurement{} })}, 0, NoData},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, j := c.verdicts()
			at := firstAs(got, Regressed)
			if c.within == 0 {
				require.Zero(t, at, j.Reason)
			} else {
				require.NotZero(t, at, j.Reason)
				require.LessOrEqual(t, at, c.within, j.Reason)
			}
			require.Equal(t, c.last, got[len(got)-1], j.Reason)
		})
	}
}

// Numbers of a healthy service, whatever their distribution, hardly ever look like a regression.
func TestHealthyNumbersAreLeftAlone(t *testing.T) {
	shapes := map[string]func(*rand.Rand) float64{
		"normal":      func(r *rand.Rand) float64 { return 10 + r.NormFloat64() },
		"exponential": func(r *rand.Rand) float64 { return 10 * r.ExpFloat64() },
		"mostly zero": func(r *rand.Rand) float64 { return float64(r.IntN(10) / 9) },
		"constant":    func(*rand.Rand) float64 { return 7 },
	}
	for name, shape := range shapes {
		t.Run(name, func(t *testing.T) {
			wrong := 0
			const runs = 100
			for seed := range uint64(runs) {
				rnd := rand.New(rand.NewPCG(seed, 9))
				one := func() Measurement { return gauge(shape(rnd)) }
				got, _ := businessHistory{sig: anyNumber(Either), before: drawn(240, one), after: drawn(240, one)}.verdicts()
				if firstAs(got, Regressed) > 0 {
					wrong++
				}
			}
			require.Zero(t, wrong, "of %d", runs)
		})
	}
}

func TestOneRateFavoursNoHealthyRelease(t *testing.T) {
	const q, n = 0.02, 400
	for _, down := range []bool{false, true} {
		for _, p := range []float64{q, q * 0.8, q * 1.25} {
			if healthy := p <= q && !down || p >= q && down; !healthy {
				continue
			}
			var sums [len(effects)]float64
			for k := range 4000 {
				lgamma, _ := math.Lgamma(float64(k + 1))
				chance := float64(k)*math.Log(p*n) - p*n - lgamma
				for i, gain := range oneRate(Counts{N: n, K: uint64(k)}, q, 1, down) {
					sums[i] += math.Exp(chance + gain)
				}
			}
			for i, sum := range sums {
				require.LessOrEqual(t, sum, 1+1e-9, "effect %v, rate %v, down %t", effects[i], p, down)
			}
		}
	}
}
