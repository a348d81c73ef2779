// Package analyzer judges releases.
//
// It is pure: every function's result depends on its arguments alone, the current time included. The one
// exception is prometheus.go, which asks Prometheus for raw samples. Because judging is a fold over recorded
// integer counts, a live watch, a restarted one and a replay of history come to the same verdict at the same tick.
package analyzer

import (
	"maps"
	"math"
	"math/bits"
	"time"
)

// Counts are integer increments of a signal over one span of time: N events, K of them bad.
type Counts struct {
	N uint64 `json:"n"`
	K uint64 `json:"k"`
}

// Plus returns the sum of c and d, which stops at the largest number there is: what a pod reports is not to be trusted
// to be small.
func (c Counts) Plus(d Counts) Counts { return Counts{N: addUp(c.N, d.N), K: addUp(c.K, d.K)} }

func addUp(a, b uint64) uint64 {
	sum, carry := bits.Add64(a, b, 0)
	if carry > 0 {
		return math.MaxUint64
	}
	return sum
}

// Ratio returns K/N and true, or 0 and false when nothing was counted: a ratio of 0/0 says nothing.
func (c Counts) Ratio() (float64, bool) {
	if c.N == 0 {
		return 0, false
	}
	return float64(c.K) / float64(c.N), true
}

// Measurement is what one signal showed in one tick.
type Measurement struct {
	// Pods holds the increments of each pod of the judged version that had at least one sample in the tick.
	Pods map[string]Counts `json:"pods,omitempty"`
	// Control holds the increments of the known-good version's pods in the same tick, while it still serves: the
	// concurrent control. It is zero where no such pod had a sample that could be counted.
	Control Counts `json:"control,omitzero"`
	// Value is the number that a business metric's expression gave at the end of the tick, ControlValue that of the old
	// version at the same time; nil where there is none.
	Value        *float64 `json:"value,omitempty"`
	ControlValue *float64 `json:"controlValue,omitempty"`
	// Buckets holds a histogram's increments over all pods, from which the quantile is shown; of other signals it is nil.
	Buckets Buckets `json:"buckets,omitempty"`
	// Samples counts the raw samples behind the increments (twice where one counter holds requests that all failed, and
	// so counts as both); zero means that there was nothing to judge by.
	Samples int `json:"samples"`
	// Rollout is what the cluster said when the tick was measured; nil where it was not asked or nothing is known. Of
	// KindRollout only.
	Rollout *Rollout `json:"rollout,omitempty"`
	// Smoke are the rounds of a smoke test that ended since the tick before. Of KindSmoke only.
	Smoke []SmokeRound `json:"smoke,omitempty"`
	// Gap is set when a series had samples that nothing could be counted from, and that were left out: it came back
	// after a gap in which two scrapes or more are missing, or it is of unknown age and was seen for the first time.
	Gap bool `json:"gap,omitempty"`
	// Warnings are Prometheus' own, passed on unchanged; a measurement with a warning may be incomplete.
	Warnings []string `json:"warnings,omitempty"`
	// Error says why Prometheus gave no answer for good, empty if it did.
	Error string `json:"error,omitempty"`
}

// Total sums the increments of all pods.
func (m Measurement) Total() Counts {
	var sum Counts
	for c := range maps.Values(m.Pods) {
		sum = sum.Plus(c)
	}
	return sum
}

// Tick is one evaluation instant of a watch: the half-open span (From, At] and what each signal showed in it.
type Tick struct {
	From    time.Time              `json:"from"`
	At      time.Time              `json:"at"`
	Signals map[string]Measurement `json:"signals"`
	// Around says what happened around the release, by the signals that were under suspicion before this tick.
	Around map[string]Around `json:"around,omitempty"`
}

// Baseline is the control that ticks of one signal are compared with, frozen before the deployment started.
type Baseline struct {
	Signal string    `json:"signal"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Counts Counts    `json:"counts"`
	// Pods names the pods of the known-good version that were measured.
	Pods  []string `json:"pods,omitempty"`
	Query string   `json:"query"`
	// Problem says why what Prometheus answered cannot be counted, empty if it can; the baseline is empty then.
	Problem string `json:"problem,omitempty"`
	// Step is the length of one of Ticks, which lie end to end; the last one ends at To. They show how much the counts
	// scatter and whether a breach had begun before the deployment. A tick with N=0 had no request that could be counted.
	Step  time.Duration `json:"step,omitempty"`
	Ticks []Counts      `json:"ticks,omitempty"`
	// Apart is how many times more the bad counts of pods that served side by side differed than chance makes them; 0 if that is not
	// known.
	Apart float64 `json:"apart,omitempty"`
	// Incident is a part of the span that was far worse than the rest and is left out; nil if there is none.
	Incident *Span `json:"incident,omitempty"`
	// Values are the numbers that a business metric's expression gave at the end of each step, without those that were none.
	Values []float64 `json:"values,omitempty"`
	// Shown is what people are shown of the time before, at the end of each step, the last one ending at To: of latency the objective's
	// quantile over the trailing window, in seconds; of a business metric its numbers, where Values lacks some. It is nil where
	// there was nothing. Nothing is judged by it.
	Shown []*float64 `json:"shown,omitempty"`
}
