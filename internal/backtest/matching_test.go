package backtest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/event"
)

func TestPodsGoToTheDeploymentThatBroughtThem(t *testing.T) {
	at := func(minute float64) time.Time { return noon().Add(time.Duration(minute * float64(time.Minute))) }
	for name, c := range map[string]struct {
		before, after float64 // of other deployments, in minutes after the one in question; 0 is none
		seen          []float64
		want          float64
	}{
		"the nearest":                               {0, 0, []float64{-9, 1}, 1},
		"the next one's are nearer":                 {0, 10, []float64{-9, 1}, -9},
		"the next one has some of its own":          {0, 10, []float64{-9, 1, 11}, 1},
		"the one before has them":                   {-2, 0, []float64{-3, 4}, 4},
		"the one before has none":                   {-60, 0, []float64{-3, 4}, -3},
		"three in a row, each announced at its end": {-10, 10, []float64{-19, -9, 1}, -9},
		"three in a row, each announced at once":    {-10, 10, []float64{-9.9, 0.1, 10.1}, 0.1},
		"a single one":                              {-10, 10, []float64{-1}, -1},
	} {
		t.Run(name, func(t *testing.T) {
			var groups []group
			for _, m := range c.seen {
				groups = append(groups, group{name: "x", first: at(m)})
			}
			var before, after time.Time
			if c.before != 0 {
				before = at(c.before)
			}
			if c.after != 0 {
				after = at(c.after)
			}
			got, ok := mine(groups, at(0), before, after, 5*time.Minute)
			require.True(t, ok)
			require.Equal(t, c.want, got.first.Sub(noon()).Minutes())
		})
	}
	_, ok := mine([]group{{first: at(-16)}, {first: at(6)}}, at(0), time.Time{}, time.Time{}, 5*time.Minute)
	require.False(t, ok)
}

func TestNeighbours(t *testing.T) {
	at := func(id, workload, version string, minute int) event.Event {
		return event.Event{ID: id, Workload: workload, Version: version, Timestamp: noon().Add(time.Duration(minute) * time.Minute)}
	}
	e := at("e", "checkout", "v2", 0)
	before, after := neighbours(e, []event.Event{
		at("a", "checkout", "v0", -60), at("b", "checkout", "v1", -30), at("c", "cart", "v9", -1), e, at("d", "checkout", "v2", 5),
		at("f", "checkout", "v3", 20), at("g", "checkout", "v4", 40),
	})
	require.Equal(t, noon().Add(-30*time.Minute), before)
	require.Equal(t, noon().Add(20*time.Minute), after)
}
