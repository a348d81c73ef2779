package watch

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/incident"
)

// allEntries are all entries of a watch, those of its annex included.
func (w *world) allEntries(p *process, key string) []incident.Entry {
	w.t.Helper()
	entries, err := p.opts.entriesOf(w.t.Context(), key)
	require.NoError(w.t, err)
	return entries
}

// What a drill came to is in its record and in the ledger, once, by whoever says so first, over a restart too; and nothing is decided by it.
func TestTheResultOfADrillIsOnRecord(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.drills("d1", "2", w.t0)
		p := w.run(drillsIn("production"))
		require.NoError(t, p.Accept(t.Context(), w.document(`"version":"v2"`, saysDrill)))
		done := w.await(p, RolledBack)
		result := &control.DrillResult{
			Missed: []string{"it was found to be bad after 9m, later than the target of 5m"}, RestoredBy: "rollbackd", AppliedAt: w.t0, DetectWithin: 300, RecoverWithin: 600,
			DetectedAfter: new(540.0), RecoveredAfter: new(600.0),
		}
		request := control.Request{Watch: done.Key, Drilled: result}
		reply := w.asks(p, control.Drilled, request)
		require.True(t, reply.OK, reply.Message)
		synctest.Wait()
		p.stop()

		p = w.run(drillsIn("production"))
		other := *result
		other.Passed, other.Missed = true, nil
		reply = w.asks(p, control.Drilled, control.Request{Watch: done.Key, Drilled: &other})
		require.True(t, reply.OK, reply.Message)
		time.Sleep(time.Second)

		s := incident.Fold(w.allEntries(p, done.Key))
		require.NotNil(t, s.Drilled)
		require.False(t, s.Drilled.Passed, "the first counts")
		require.Equal(t, "ana", s.Drilled.By)
		require.Equal(t, string(RolledBack), s.State)
		d, err := p.digestOf(t.Context(), done.Key)
		require.NoError(t, err)
		require.Equal(t, &incident.DigestDrill{Missed: result.Missed[0], RestoredBy: "rollbackd", By: "ana", Detect: new(540.0), Recover: new(600.0)}, d.Drilled)
	})
}

func TestOnlyADrillHasTheResultOfOne(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run(drillsIn("production"))
		require.NoError(t, p.Accept(t.Context(), w.document()))
		watching := w.await(p, Watching)
		request := control.Request{Watch: watching.Key, Drilled: &control.DrillResult{Passed: true, RestoredBy: "rollbackd", AppliedAt: w.t0}}
		require.Equal(t, control.CodeState, w.asks(p, control.Drilled, request).Code)
		request.Watch = "production.shop.none"
		require.Equal(t, control.CodeUnknown, w.asks(p, control.Drilled, request).Code)
		elsewhere := control.Asked{By: "ana", Verb: control.Drilled, Target: checkout(), Request: control.Request{Watch: watching.Key, Drilled: request.Drilled}}
		elsewhere.Target.Workload = "cart"
		require.Equal(t, control.CodeUnknown, p.Ask(t.Context(), elsewhere).Code)
		require.Nil(t, incident.Fold(w.allEntries(p, watching.Key)).Drilled)
	})
}
