package analyzer

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// slowRelease plays an hour of a release whose pods start one after another, a tick apart or all at once, and returns the ticks in which it
// was called slow, of those of its watch. Slow is the part of a pod's requests that are, by the time that it has served.
func slowRelease(ticks, pods, apart int, requests float64, slow func(served time.Duration, tick int) float64) (called []int) {
	rules := Rules{Signals: []Signal{{
		Name: "errors", Kind: KindLatency, Scrape: scrape, Rule: rule,
		Objective: Objective{Quantile: 0.95, SLO: 400 * time.Millisecond, Tolerance: 0.25, Unit: time.Second},
	}}}
	base := hourOf(requests/scrape.Seconds(), 0.005)
	var st State
	var j Judgement
	var at time.Duration
	for tick := range ticks {
		m := Measurement{Samples: 1, Pods: map[string]Counts{}}
		for pod := range pods {
			if begins := pod * apart; tick >= begins {
				served := time.Duration(tick-begins) * scrape
				m.Pods[fmt.Sprint(pod)] = Counts{N: uint64(requests), K: uint64(requests * slow(served, tick))}
			}
		}
		st, j = Step(rules, map[string]Baseline{"errors": base}, st, tickAt(&at, m))
		if j.Verdict == Regressed {
			called = append(called, tick)
		}
	}
	return called
}

func starting(from float64, tau time.Duration) func(time.Duration, int) float64 {
	return func(served time.Duration, _ int) float64 { return 0.005 + from*math.Exp(-float64(served)/float64(tau)) }
}

// Pods that are slow while they start are no reason to roll back, as that passes.
func TestASlowStartIsNoSlowRelease(t *testing.T) {
	for name, called := range map[string][]int{
		"for a minute":                             slowRelease(60, 3, 0, 300, starting(0.3, 40*time.Second)),
		"most of all requests, for four minutes":   slowRelease(60, 3, 0, 300, starting(0.9, 80*time.Second)),
		"a part of the requests, for four minutes": slowRelease(60, 3, 0, 300, starting(0.2, 80*time.Second)),
		"one pod after another":                    slowRelease(60, 6, 6, 300, starting(0.8, 40*time.Second)),
		"where pods are not told apart":            slowRelease(60, 1, 0, 900, starting(0.6, 60*time.Second)),
	} {
		require.Empty(t, called, name)
	}
}

// What does not pass is found as soon as ever.
func TestASlowReleaseIsNoSlowStart(t *testing.T) {
	always := func(part float64) func(time.Duration, int) float64 {
		return func(time.Duration, int) float64 { return part }
	}
	first := func(called []int) int {
		require.NotEmpty(t, called)
		return called[0]
	}
	require.Equal(t, 2, first(slowRelease(60, 3, 0, 300, always(0.6))))
	require.Equal(t, 2, first(slowRelease(60, 3, 0, 300, always(0.15))))
	require.Equal(t, 2, first(slowRelease(60, 6, 2, 300, always(0.6))), "though its pods start one after another")
	require.LessOrEqual(t, first(slowRelease(60, 3, 0, 300, func(served time.Duration, tick int) float64 {
		return max(0.2, starting(0.8, 40*time.Second)(served, tick))
	})), 12, "a slow start that leads to a slow release")
	late := func(_ time.Duration, tick int) float64 {
		if tick < 40 {
			return 0.005
		}
		return 0.5 * math.Exp(-float64(tick-40)/8)
	}
	require.Equal(t, 42, first(slowRelease(60, 3, 0, 300, late)), "what passes long after the pods have started is no start")
}

// What a slow start has shown is not held against what comes later.
func TestASlowStartIsForgotten(t *testing.T) {
	later := func(served time.Duration, tick int) float64 {
		part := starting(0.9, 60*time.Second)(served, tick)
		if tick >= 40 && tick < 43 {
			part += 0.065
		}
		return part
	}
	require.Empty(t, slowRelease(60, 3, 0, 100, later))
}
