package watch

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/rollback"
)

// A person gets each query as it was at the verdict, and as it can be drawn over a span.
func TestQueriesWithAndWithoutTheirTime(t *testing.T) {
	w := newTestWatch(func(w *Watch) {
		w.Pin = &rollback.Pin{Release: rollback.Revision{PodPrefix: "checkout-6d5f-"}}
		w.Policy.Signals = append(w.Policy.Signals, analyzer.Signal{Name: "smoke", Kind: analyzer.KindSmoke})
	})
	at, graph := w.queries(incident.PhaseWatch, start), w.graphs(incident.PhaseWatch)
	require.Len(t, at, 1)
	require.Len(t, graph, 1, "a smoke test is measured by no query")
	require.Contains(t, at["errors"], "@ ")
	require.NotContains(t, graph["errors"], "@ ")
	for _, q := range []string{at["errors"], graph["errors"]} {
		require.Contains(t, q, "checkout-6d5f-")
	}
}
