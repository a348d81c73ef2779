package e2e

import (
	"fmt"
	"time"

	"github.com/rollbackd/rollbackd/internal/watch"
)

// awaitWatching waits until so many releases are being watched, and returns all watches by the ids of their events.
func (d *daemon) awaitWatching(n int) map[string]watch.View {
	d.t.Helper()
	all := map[string]watch.View{}
	eventually(d.t, time.Minute, func() (bool, string) {
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
