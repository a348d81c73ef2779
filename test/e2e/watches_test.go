package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/watch"
)

// requireWatches requires that the daemon has so many watches, and returns them, the newest first. It asks until there is an answer: that none
// came in time is not that there are no watches.
func (d *daemon) requireWatches(n int, why string) []watch.View {
	d.t.Helper()
	var all []watch.View
	eventually(d.t, 30*time.Second, func() (bool, string) {
		all = d.watches()
		return all != nil, "the daemon does not tell what it watches"
	})
	require.Len(d.t, all, n, why)
	return all
}

// awaitWatching waits until so many releases are being watched, and returns all watches by the ids of their events.
func (d *daemon) awaitWatching(t *testing.T, n int) map[string]watch.View {
	t.Helper()
	all := map[string]watch.View{}
	eventually(t, 3*time.Minute, func() (bool, string) {
		watched := 0
		clear(all)
		for _, v := range d.watches() {
			all[v.EventID] = v
			if v.State == watch.Watching {
				watched++
			}
		}
		return watched == n, fmt.Sprintf("%d releases are being watched", watched)
	})
	return all
}
