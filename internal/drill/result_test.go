package drill

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/incident"
)

func TestADrillPassesOnlyIfRollbackdDidAllOfItInTime(t *testing.T) {
	applied := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	after := func(seconds int) time.Time { return applied.Add(time.Duration(seconds) * time.Second) }
	whole := incident.DigestTimes{Started: after(-1), FirstBad: after(10), Decided: after(30), Initiated: after(31), Landed: after(32), Restored: after(60)}
	for _, tc := range []struct {
		name   string
		times  incident.DigestTimes
		by     Restorer
		missed []string
	}{
		{"in time", whole, ByRollbackd, []string{}},
		{"found too late", incident.DigestTimes{Decided: after(46), Restored: after(60)}, ByRollbackd,
			[]string{"it was found to be bad after 46s, later than the target of 45s"}},
		{"well too late", incident.DigestTimes{Decided: after(45), Restored: after(91)}, ByRollbackd,
			[]string{"it was well again by a rollback after 1m31s, later than the target of 1m30s"}},
		{"never found", incident.DigestTimes{}, ByRollbackctl, []string{
			"it was not found to be bad (target 45s)", "it was not well again by a rollback (target 1m30s)",
			"the good version was put back by rollbackctl, and not by rollbackd"}},
		{"somebody was faster", incident.DigestTimes{Decided: after(10)}, BySomebody, []string{
			"it was not well again by a rollback (target 1m30s)", "the good version was put back by somebody else, and not by rollbackd"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := Result{AppliedAt: applied, RestoredBy: tc.by}.Conclude(incident.Digest{Times: tc.times}, Targets{Detect: 45 * time.Second, Recover: 90 * time.Second})
			require.Equal(t, tc.missed, r.Missed)
			require.Equal(t, len(tc.missed) == 0, r.Passed)
		})
	}
	for _, by := range []Restorer{ByRollbackd, ByRollbackctl, BySomebody, ByNobody} {
		require.Contains(t, control.Restorers(), string(by))
	}
	require.Len(t, control.Restorers(), 4)
	kept := Result{AppliedAt: applied, RestoredBy: ByRollbackd}.Conclude(incident.Digest{Times: whole}, Targets{Detect: time.Minute, Recover: time.Hour}).ForRecord()
	require.Equal(t, control.DrillResult{
		Passed: true, Missed: []string{}, RestoredBy: "rollbackd", AppliedAt: applied, DetectWithin: 60, RecoverWithin: 3600, DetectedAfter: new(30.0), RecoveredAfter: new(60.0),
	}, kept)

	r := Result{AppliedAt: applied, RestoredBy: ByRollbackd}.Conclude(incident.Digest{Times: whole}, Targets{Detect: time.Minute, Recover: time.Hour})
	require.Equal(t, []Step{
		{StepStarted, after(-1), 0}, {StepBad, after(10), 10}, {StepDecided, after(30), 30}, {StepLanded, after(32), 32}, {StepRecovered, after(60), 60},
	}, r.Steps)
}
