package incident

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/chart"
	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/rollback"
)

func TestMomentsThatPicturesMark(t *testing.T) {
	said := func(c Control) Entry { return Entry{Actor: "ana", Control: &c} }
	landed, refused := &Outcome{Result: rollback.Landed}, &Outcome{Result: rollback.Failed}
	until := time.Date(2026, 11, 22, 11, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name    string
		entries []Entry
		want    []string
	}{
		{"the first step is the event's", []Entry{{Accepted: &Accepted{Event: []byte(`{"strategy":"canary","step":5}`)}}}, []string{"step: canary 5 %"}},
		{"a deployment that is no canary has no steps", []Entry{{Accepted: &Accepted{Event: []byte(`{}`)}}}, nil},
		{"later steps", []Entry{{Step: &Step{Percent: 25, Look: 2}}, {Step: &Step{Percent: 100}}}, []string{"step: canary 25 %", "step: canary 100 %"}},
		{"a look of a step that is not told", []Entry{{Step: &Step{Look: 2}}}, nil},
		{"approved", []Entry{{State: &StateChange{To: stateAwaiting}}, said(Control{Verb: control.Approve})}, []string{"person: approval asked for", "person: approved by ana"}},
		{
			"denied, which is why it is held",
			[]Entry{said(Control{Verb: control.Deny}), {State: &StateChange{To: stateHeld, Final: true}}},
			[]string{"person: denied by ana"},
		},
		{"nobody answered", []Entry{{State: &StateChange{To: stateHeld, Final: true}}}, []string{"end: held, not rolled back"}},
		{
			"a workload held and let go",
			[]Entry{said(Control{Verb: control.Hold, Until: until}), said(Control{Verb: control.Hold})},
			[]string{"person: held until 11:00:00 by ana", "person: let go by ana"},
		},
		{"other words", []Entry{said(Control{Verb: control.Rollback}), said(Control{Verb: control.Abort})}, []string{"person: rollback asked for by ana", "person: watch ended by ana"}},
		{"a pause that was made and ended", []Entry{{Paused: landed}, {Resumed: &Resumed{Result: rollback.Landed}}}, []string{"action: rollout paused", "action: rollout goes on"}},
		{"a pause that failed", []Entry{{Paused: refused}, {Resumed: &Resumed{Result: rollback.Superseded}}}, nil},
		{
			"a hostile name",
			[]Entry{{Actor: "a\u202eb\n" + strings.Repeat("x", 100), Control: &Control{Verb: control.Approve}}},
			[]string{"person: approved by a b " + strings.Repeat("x", 16) + "…"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			for i := range tc.entries {
				tc.entries[i].At = until
			}
			for _, m := range moments(tc.entries) {
				got = append(got, string(m.Kind)+": "+strings.TrimSuffix(m.Label, " 11:00:00"))
			}
			require.Equal(t, tc.want, got)
		})
	}
}

func TestOfManyMomentsTheNewestAreMarked(t *testing.T) {
	var entries []Entry
	for i := range 40 {
		entries = append(entries, Entry{Step: &Step{Percent: i + 1}})
	}
	marks := moments(entries)
	require.Len(t, marks, mostMoments)
	require.Contains(t, marks[mostMoments-1].Label, fmt.Sprintf("canary %d %%", 40))
	require.Equal(t, chart.Step, marks[0].Kind)
}
