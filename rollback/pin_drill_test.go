package rollback

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func drill(w *PastWatch) { w.Drill = true }

// A drill leaves no trace in what later releases go back to.
func TestADrillDecidesNothingLater(t *testing.T) {
	v1, v2 := rs(1, "v1", 0), rs(2, "v2", 60)
	back := revived(3, "v1", 0)
	for _, tc := range []struct {
		name        string
		revisions   []Revision
		past        []PastWatch
		target, why string
	}{
		{"its version is no target, however long it was live", []Revision{rs(3, "v3", 120), v2, v1}, []PastWatch{watchOf(v2, 60, drill)},
			"", "v2 (revision 2) was deployed as a drill"},
		{"what it was deployed over is, where nothing rolled it back", []Revision{rs(3, "v3", 120), v2, v1}, []PastWatch{watchOf(v2, 60, drill, superseded, with(v1))},
			"v1", "which was a drill"},
		{"and where rollbackd did", []Revision{rs(4, "v4", 120), back, v2}, []PastWatch{watchOf(v2, 118, drill, bad, with(back), rolledBack(119))},
			"v1", "which was a drill"},
		{"and where somebody else did", []Revision{rs(4, "v4", 120), back, v2}, []PastWatch{watchOf(v2, 118, drill, superseded, with(back))},
			"v1", "which was a drill"},
		{"a version that was drilled with is good if it passed besides", []Revision{rs(4, "v4", 300), back, v2}, []PastWatch{watchOf(v2, 200, drill, bad), watchOf(v2, 60, passed)},
			"v2", "passed"},
		{"it is not the drill that makes a version bad", []Revision{rs(4, "v4", 300), rs(3, "v3", 200), v2}, []PastWatch{watchOf(v2, 60, bad), watchOf(v2, 30, drill, bad)},
			"v3", "had served"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			pin := NewPin(live(tc.revisions...), tc.revisions[0], at(300), tc.past, 15*time.Minute)
			checkTarget(t, pin, tc.target, tc.why)
		})
	}
}

// A drill is meant to be repeated, so that the same containers are no release that came back.
func TestARepeatedDrillHasNotComeBack(t *testing.T) {
	v2 := rs(2, "v2", 60)
	require.True(t, rolledBackAt(v2, []PastWatch{watchOf(v2, 30, drill, bad, rolledBack(40))}).IsZero())
	require.Equal(t, at(40), rolledBackAt(v2, []PastWatch{watchOf(v2, 30, bad, rolledBack(40))}))
}
