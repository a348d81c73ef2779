package watch

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/notifier"
	"github.com/rollbackd/rollbackd/rollback"
)

func drillsIn(environments ...string) func(*Options) {
	return func(o *Options) { o.Drills.Environments = environments }
}

const saysDrill = `"version":"v2","drill":true`

// drills has the cluster run v2 as the version of a drill.
func (w *world) drills(id, revision string, since time.Time) {
	w.deploy("v2", revision)
	w.mu.Lock()
	defer w.mu.Unlock()
	marked := revisionOf("v2", revision, since)
	marked.Template = json.RawMessage(strings.Replace(string(marked.Template), `"metadata":{`, `"metadata":{"annotations":{"`+rollback.DrillAnnotation+`":"`+id+`"},`, 1))
	w.live.Revisions = []rollback.Revision{marked, revisionOf("v1", "1", w.t0.Add(-time.Hour))}
	w.live.Live, w.live.Template = &w.live.Revisions[0], marked.Template
}

// A drill is carried out as any rollback is, and nobody is woken by it: not one notice is more than information.
func TestADrillIsRolledBackAndAlarmsNobody(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.drills("d1", "2", w.t0)
		p := w.run(drillsIn("production"))
		require.NoError(t, p.Accept(t.Context(), w.document(`"version":"v2"`, saysDrill)))
		done := w.await(p, RolledBack)

		require.True(t, strings.HasPrefix(done.Incident, "drill-"), done.Incident)
		require.Len(t, w.patches, 1)
		require.NotEmpty(t, w.notices)
		for _, n := range w.notices {
			require.True(t, strings.HasPrefix(n.Title, "DRILL: "), n.Title)
			require.Equal(t, notifier.Info, n.Severity, n.Title)
		}
		require.True(t, done.View().Drill)
		require.Empty(t, p.acts(), "the budgets are as full as before")
	})
}

// Whoever rehearses the paging too says so in the policy.
func TestADrillMayPage(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.drills("d1", "2", w.t0)
		p := w.run(drillsIn("production"), func(o *Options) { o.Policies[0].PageDrills = true })
		require.NoError(t, p.Accept(t.Context(), w.document(`"version":"v2"`, saysDrill)))
		w.await(p, RolledBack)
		synctest.Wait() // the notice follows the state
		last := w.notices[len(w.notices)-1]
		require.Equal(t, notifier.Page, last.Severity)
		require.Equal(t, "DRILL: shop/checkout v2 was rolled back, and it helped", last.Title)
	})
}

// What is called a drill pages nobody, so that a release must not be called one where the users are.
func TestADrillIsRefusedWhereNoneIsAllowed(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run(drillsIn("staging"))
		err := p.Accept(t.Context(), w.document(`"version":"v2"`, saysDrill))
		var rejection *event.Rejection
		require.ErrorAs(t, err, &rejection)
		require.Equal(t, event.CodeUnauthorised, rejection.Code)
		require.Equal(t, "drill", rejection.Field)
		require.Contains(t, rejection.Reason, `drills are not allowed in environment "production"`)
		require.Empty(t, p.Watches())
	})
}

// The next drill deploys the same again, and must be rolled back again. A release that is no drill would wait for a person then.
func TestADrillMayBeRepeated(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.drills("d1", "2", w.t0)
		p := w.run(drillsIn("production"), func(o *Options) { o.Policies[0].CoolDown = time.Hour })
		require.NoError(t, p.Accept(t.Context(), w.document(`"version":"v2"`, saysDrill)))
		w.await(p, RolledBack)
		time.Sleep(20 * time.Minute)

		w.drills("d2", "3", now())
		again := w.document(`"version":"v2"`, saysDrill, `"id":"d1"`, `"id":"d2"`)
		require.NoError(t, p.Accept(t.Context(), again))
		w.await(p, RolledBack)
		require.Len(t, w.patches, 2)
	})
}

// A drill is announced before it begins, and its version often has the name of the good one: only the mark in the template tells them
// apart, so that the good version is never taken for the bad one.
func TestADrillIsTheMarkedVersionOnly(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run(drillsIn("production"))
		require.NoError(t, p.Accept(t.Context(), w.document(`"version":"v2"`, saysDrill)))
		time.Sleep(time.Minute)
		require.Equal(t, Pending, p.Watches()[0].State, "v2 is live, but is not that of the drill")
		w.drills("d1", "3", now())
		w.await(p, RolledBack)
	})
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run(drillsIn("production"))
		require.NoError(t, p.Accept(t.Context(), w.document(`"version":"v2"`, saysDrill)))
		require.Contains(t, w.await(p, Inconclusive).Reason, "the live pod template does not have the annotation rollbackd.io/drill: d1")
		require.Empty(t, w.patches)
	})
}
