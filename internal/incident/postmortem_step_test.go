package incident

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What timeline.md says of the postmortem is what its review says: the same date, and nothing once it is done.
func TestTimelineTellsTheReviewsDate(t *testing.T) {
	at := time.Date(2026, 11, 22, 10, 7, 4, 0, time.UTC)
	due := at.Add(72 * time.Hour)
	s := Summary{RolledBack: true, Final: true, State: "RolledBack", Times: Times{Landed: at}}
	require.Contains(t, strings.Join(s.steps(), "\n"), "Write the postmortem within 48 hours, by 2026-11-24T10:07:04Z")
	s.review = &Postmortem{Number: 7, Due: due}
	require.Contains(t, strings.Join(s.steps(), "\n"), "Write the postmortem DEC-INCIDENT-0007 by 2026-11-25T10:07:04Z")
	s.review.DoneAt = due
	require.NotContains(t, strings.Join(s.steps(), "\n"), "Write the postmortem")
}

// The cluster's clock shows whole seconds; what it says must not stand before what came first in the same second.
func TestShortTimelineIsInTheOrderOfCauses(t *testing.T) {
	second := time.Date(2026, 11, 22, 10, 7, 4, 0, time.UTC)
	s := Summary{RolledBack: true, Action: &Action{Intent: "i"}, Times: Times{
		Decided: second.Add(300 * time.Millisecond), Initiated: second.Add(400 * time.Millisecond), Landed: second.Add(500 * time.Millisecond), RolloutComplete: second}}
	var p page
	s.shortTimeline(&p)
	require.Regexp(t, `(?s)Found to be bad.*Rollback initiated.*Rolled back.*Rollout of the rollback complete`, p.String())
}
