package analyzer

import (
	"strconv"
	"time"
)

// This file keeps of a baseline what people are shown of the time before a deployment and what its counts do not tell: a quantile is
// not in the counts of slow requests, and where a number was missing is not in the numbers.

// shownDigits is how many digits are kept: a picture shows no more, and a baseline may have thousands of steps.
const shownDigits = 4

// withQuantiles notes the objective's quantile over the trailing window at the end of each step, from the buckets of the steps.
func (b Baseline) withQuantiles(sig Signal, steps []Buckets) Baseline {
	if sig.Kind != KindLatency {
		return b
	}
	trailing := max(1, int(sig.Rule.Window/max(b.Step, time.Second)))
	for i := range steps {
		var all Buckets
		for _, s := range steps[max(0, i+1-trailing) : i+1] {
			all = all.Plus(s)
		}
		b.Shown = append(b.Shown, shown(all.Quantile(sig.Objective.Quantile)))
		if last := b.Shown[i]; last != nil {
			*last *= sig.Objective.Unit.Seconds()
		}
	}
	return b
}

// withNumbers notes where the numbers lie, unless there is one at every step.
func (b Baseline) withNumbers(values []float64) Baseline {
	b.Values = finite(values)
	if len(b.Values) == len(values) {
		return b
	}
	for _, v := range values {
		b.Shown = append(b.Shown, shown(v, len(finite([]float64{v})) == 1))
	}
	return b
}

func shown(v float64, ok bool) *float64 {
	if !ok {
		return nil
	}
	if rounded, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', shownDigits, 64), 64); err == nil {
		v = rounded
	}
	return &v
}

// Factor is what a fraction of counts is multiplied by to be in the unit of Value, Baseline and Limit: 1 where these are fractions.
func (a Assessment) Factor() float64 {
	if a.Kind != KindBusiness {
		return 1
	}
	for _, sig := range []Signal{{Kind: KindBusiness}, {Kind: KindBusiness, Requests: "given"}} {
		if factor, unit := sig.Scale(); unit == a.Unit {
			return factor
		}
	}
	return 1
}
