package backtest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/event"
)

// manyEvents are deployments that no policy covers, so that their replay asks nobody.
func manyEvents() []event.Event {
	var out []event.Event
	for i := range 100 {
		out = append(out, event.Event{ID: fmt.Sprint(i), Timestamp: noon().Add(time.Duration(i) * time.Minute), Namespace: "shop", Workload: "checkout"})
	}
	return out
}

func TestOutcomesComeInTheOrderOfTheDeployments(t *testing.T) {
	for _, parallel := range []int{0, 1, 7, 1000} {
		var got []string
		require.NoError(t, Run(t.Context(), Options{}, manyEvents(), parallel, func(o Outcome) { got = append(got, o.ID) }))
		require.Len(t, got, 100)
		for i, id := range got {
			require.Equal(t, fmt.Sprint(i), id)
		}
	}
}

func TestAReplayEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	seen := 0
	err := Run(ctx, Options{}, manyEvents(), 4, func(Outcome) {
		if seen++; seen == 3 {
			cancel()
		}
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Less(t, seen, 100)
}

// Two events with one ID are a pair if they are of one version, and else two deployments with an ID that was given twice.
func TestOneIDOfTwoVersionsIsTwoDeployments(t *testing.T) {
	at := func(version string, minute int) event.Event {
		return event.Event{ID: "same", Workload: "checkout", Version: version, Timestamp: noon().Add(time.Duration(minute) * time.Minute)}
	}
	events := asPairs([]event.Event{at("v1", 0), at("v1", 5), at("v2", 60)})
	require.Equal(t, []event.Event{at("v1", 0), at("v1", 0), at("v2", 60)}, events)
	chain := succession(events)
	require.Equal(t, noon().Add(time.Hour), chain[0].at)
	require.Equal(t, noon().Add(time.Hour), chain[1].at)
	require.Zero(t, chain[2].at)
}
