package report

import (
	"fmt"
	"math"
)

// Rate is a part of a whole, with the interval in which it would lie if there were many more of them.
type Rate struct {
	Count int `json:"count"`
	Of    int `json:"of"`
	// Value is Count/Of, and Low and High are the ends of its 95 % interval (Wilson's). All are zero where there is nothing to
	// divide by.
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// z is the standard normal's quantile of 97.5 %.
const z = 1.959963984540054

// NewRate returns the rate of count among of, by the score interval of Wilson (1927), which is right for few cases and for none at all,
// where the usual one (value plus and minus so many standard deviations) claims certainty.
func NewRate(count, of int) Rate {
	r := Rate{Count: count, Of: of}
	if of == 0 {
		return r
	}
	n := float64(of)
	r.Value = float64(count) / n
	middle := (r.Value + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(r.Value*(1-r.Value)/n+z*z/(4*n*n))
	r.Low, r.High = max(0, middle-half), min(1, middle+half)
	if count == 0 {
		r.Low = 0 // what is left is a rounding error
	}
	if count == of {
		r.High = 1
	}
	return r
}

// String returns the count first: "2 of 30, 6.7 % (95 %: 1.8 to 21.3 %)".
func (r Rate) String() string {
	if r.Of == 0 {
		return "none of 0"
	}
	return fmt.Sprintf("%d of %d, %s %% (95 %%: %s to %s %%)", r.Count, r.Of, percent(r.Value), percent(r.Low), percent(r.High))
}

// percent writes a part as per cent without the sign.
func percent(v float64) string {
	switch p := 100 * v; {
	case p == 0, p == 100:
		return fmt.Sprintf("%.0f", p)
	default:
		return fmt.Sprintf("%.1f", p)
	}
}

// Change is how a rate differs from an earlier one.
type Change string

// The changes.
const (
	Lower   Change = "lower"
	Higher  Change = "higher"
	Unclear Change = "no clear change"
	// Incomparable: there is nothing to compare with.
	Incomparable Change = "nothing to compare with"
)

// compare tells whether a rate has changed, by the 95 % interval of the difference of two independent ones (Newcombe 1998, method 10, which
// combines their Wilson intervals). If that holds zero, chance may have made the difference.
func compare(before, now Rate) Change {
	if before.Of == 0 || now.Of == 0 {
		return Incomparable
	}
	d := now.Value - before.Value
	low := d - math.Hypot(now.Value-now.Low, before.High-before.Value)
	high := d + math.Hypot(now.High-now.Value, before.Value-before.Low)
	switch {
	case low > 0:
		return Higher
	case high < 0:
		return Lower
	}
	return Unclear
}
