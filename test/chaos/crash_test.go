package chaos

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/chaos"
	"github.com/rollbackd/rollbackd/internal/watch"
	"github.com/rollbackd/rollbackd/rollback"
)

// points are all those that a rollback passes through, in their order.
func points() []chaos.Point {
	var all []chaos.Point
	for _, call := range []string{
		"claim", "append:verdict", "append:state:Regressed", "append:plan", "append:intent", "append:state:RollingBack",
		"apply", "append:outcome", "append:state:Verifying", "append:state:RolledBack", "render:RolledBack",
	} {
		all = append(all, chaos.Point(call+":before"), chaos.Point(call+":after"))
	}
	return all
}

// few are those that a plain run takes.
func few() []chaos.Point {
	return []chaos.Point{"append:intent:after", "apply:after", "append:state:RolledBack:before"}
}

// TestKilledAtEachPoint: the daemon kills itself at a point and is started again. The release is rolled back, once, and the
// record tells how.
func TestKilledAtEachPoint(t *testing.T) {
	w := onStack(t)
	for _, s := range strategies() {
		for _, p := range points() {
			if !*whole && !slices.Contains(few(), p) {
				continue
			}
			t.Run(string(s)+"/"+string(p), func(t *testing.T) {
				t.Parallel()
				c := newCrash(t, w, s, p)
				c.killed()
				v := c.again()
				require.Equal(t, watch.RolledBack, v.State, v.Reason)
				require.Len(t, c.app.patches(), 1)
				require.True(t, c.app.restored(), "the known-good version does not have the traffic")
				require.Equal(t, rollback.Landed, c.app.requireRecord(c.daemon, v).outcome)
				c.row.failed = false
			})
		}
	}
}

// TestChangedWhileDead: while the daemon is dead a person deploys the same bad version again, or restarts it. An intent of
// before is no reason to undo what they did: if it has landed, it is not carried out again; if not, then only where what it
// was made for is still there and fresh ticks show that it is still bad.
func TestChangedWhileDead(t *testing.T) {
	w := onStack(t)
	for _, c := range []struct {
		strategy strategy
		point    chaos.Point
		act      string
		patches  int
		state    watch.State
	}{
		// Not rolling back yet by its journal, the next process plans anew, from what it finds and on what it measures.
		{undo, "append:intent:after", "redeploy", 1, watch.RolledBack},
		{undo, "append:intent:after", "restart", 1, watch.RolledBack},
		// What changed more than once may have been rolled back and put back again, and is left to those who did it.
		{undo, "apply:before", "redeploy", 0, watch.Superseded},
		{undo, "apply:before", "restart", 1, watch.RolledBack},
		{undo, "apply:after", "redeploy", 1, watch.RolledBackUnverified},
		{undo, "append:outcome:after", "redeploy", 1, watch.RolledBackUnverified},
		{blueGreen, "append:intent:after", "redeploy", 1, watch.RolledBack},
		{blueGreen, "append:intent:after", "restart", 1, watch.RolledBack},
		{blueGreen, "apply:before", "redeploy", 1, watch.RolledBack},
		{blueGreen, "apply:before", "restart", 1, watch.RolledBack},
		{blueGreen, "apply:after", "redeploy", 1, watch.RolledBackUnverified},
		{blueGreen, "append:outcome:after", "redeploy", 1, watch.RolledBackUnverified},
	} {
		if !*whole && c.point != "apply:after" {
			continue
		}
		t.Run(strings.Join([]string{string(c.strategy), string(c.point), c.act}, "/"), func(t *testing.T) {
			t.Parallel()
			crash := newCrash(t, w, c.strategy, c.point)
			crash.row.table, crash.row.what = "Killed, and changed by a person while dead", crash.row.what+", then a "+c.act
			crash.row.due = c.patches > 0
			crash.killed()
			before := len(crash.app.patches())
			act := map[string]func(){"redeploy": crash.app.redeploy, "restart": crash.app.restart}
			act[c.act]()
			v := crash.again()
			require.Len(t, crash.app.patches(), c.patches)
			if c.patches > 0 || v.State != watch.Held { // what was changed may also look well before anybody looks whose it is
				require.Equal(t, c.state, v.State, v.Reason)
			}
			require.Equal(t, c.state == watch.RolledBack, crash.app.restored())
			record := crash.app.requireRecord(crash.daemon, v)
			require.Equal(t, c.patches == 1, record.outcome == rollback.Landed, "the record says %s", record.outcome)
			require.Len(t, record.landed, c.patches)
			if c.strategy == undo && c.state == watch.RolledBack {
				require.NotEqual(t, record.intents[0], record.landed[0], "the intent of before was carried out on what was changed since")
			}
			require.True(t, before == 0 || c.patches == before)
			crash.row.failed = false
		})
	}
}

// crash is one bad release whose daemon dies at a point.
type crash struct {
	t      *testing.T
	app    *app
	daemon *daemon
	point  chaos.Point
	row    *row
	// died is when.
	died time.Time
}

func newCrash(t *testing.T, w *world, s strategy, p chaos.Point) *crash {
	t.Helper()
	c := &crash{t: t, point: p, row: &row{table: "Killed at a point of a rollback", what: string(s) + " " + string(p), faults: 1, bad: true, due: true, failed: true}}
	t.Cleanup(func() { w.tables.add(*c.row) })
	c.app, c.daemon = newApp(t, w, s), newDaemon(t, w, nil)
	return c
}

// killed plays the story up to the daemon's death.
func (c *crash) killed() {
	c.t.Helper()
	c.daemon.start(c.point)
	c.app.deployBad()
	c.daemon.publish(c.app.event("bad", "v2"))
	c.daemon.awaitDeath(2 * time.Minute)
	c.died, c.row.by = time.Now(), "-"
	if len(c.app.patches()) > 0 {
		c.row.by = "the killed process"
	}
}

// again starts the daemon once more and waits for the watch's end.
func (c *crash) again() watch.View {
	c.t.Helper()
	c.daemon.start("")
	return c.ended()
}

// ended waits for the end of the watch, of which the process that runs now tells.
func (c *crash) ended() watch.View {
	c.t.Helper()
	v := c.daemon.awaitEnd("bad", 4*time.Minute)
	c.row.state, c.row.took, c.row.patches = string(v.State), time.Since(c.died), len(c.app.patches())
	if c.row.by == "-" && c.row.patches > 0 {
		c.row.by = "the next process"
	}
	return v
}
