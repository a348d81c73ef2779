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
