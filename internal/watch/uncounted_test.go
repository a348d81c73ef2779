package watch

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/rollback"
)

// After a start nobody takes room out of the budgets before it is known from all journals what was begun: a stored picture may be older.
func TestRoomIsTakenOnceAllJournalsAreRead(t *testing.T) {
	mine := newTestWatch(func(w *Watch) { w.Key, w.resumed = "mine", start })
	for _, c := range []struct {
		name  string
		other func(*Watch)
		at    time.Time
		waits bool
	}{
		{"not read", func(w *Watch) { w.State = Watching }, start.Add(time.Second), true},
		{"read", func(w *Watch) { w.State, w.resumed = Watching, start }, start.Add(time.Second), false},
		{"just accepted", func(w *Watch) { w.State, w.Pin = Pending, nil }, start.Add(time.Second), false},
		{"not to be read for long", func(w *Watch) { w.State = Watching }, start.Add(unreadFor), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := New(newWorld(t).options())
			s.actors["other"] = newActor(s, newTestWatch(func(w *Watch) { w.Key = "other"; c.other(w) }))
			r := s.uncounted(mine, c.at)
			require.Equal(t, c.waits, r != nil)
			if c.waits {
				require.Equal(t, rollback.RefuseUnsettled, r.Code)
			}
		})
	}
}
