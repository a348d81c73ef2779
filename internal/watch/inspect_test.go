package watch

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/rollback"
)

// What the known-good version cannot run without is looked at before it is put back: a release that is bad is still
// better than one whose pods never start.
func TestARollbackToWhatCannotStartIsHeld(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.missing = []string{"ConfigMap app-config"}
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		held := w.await(p, Held)
		require.Contains(t, held.Reason, "what it needs is gone: ConfigMap app-config")
		require.Equal(t, rollback.RefuseConfigMissing, w.refusalOf(held.Key))
		require.Empty(t, w.patches)
	})
}

// An API server that cannot say whether it is there is asked again.
func TestARollbackWaitsForTheAnswerWhetherItsTargetCanStart(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		asked := 0
		w.failing(func(call string, _ bool) error {
			if call == "cluster.inspect" && asked < 4 {
				asked++
				return errDown
			}
			return nil
		})
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.await(p, Verifying)
		require.Equal(t, 4, asked)
		require.Len(t, w.patches, 1)
	})
}

// What kept the restored version's pods from starting is no reason once it no longer does.
func TestOnlyWhatStillKeepsAPodFromStartingIsAReason(t *testing.T) {
	s := newStory(t)
	s.play(landed + `
		156s | see v1 stuck   | -             | Verifying
		157s | see v1 rolling | -             | Verifying
		158s | see v1 rolling | >NotRecovered | NotRecovered`)
	require.NotContains(t, s.watch.Reason, "cannot start")
}

// refusalOf is the last refusal in a watch's journal.
func (w *world) refusalOf(key string) rollback.RefusalCode {
	w.t.Helper()
	var code rollback.RefusalCode
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.journal[key] {
		var e incident.Entry
		require.NoError(w.t, json.Unmarshal(r.data, &e))
		if e.Kind == incident.KindRefusal {
			code = e.Refusal.Code
		}
	}
	return code
}
