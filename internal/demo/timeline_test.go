package demo

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/watch"
)

const incidentTimeline = `# Incident Timeline: Deployment Rollback

**Version:** v2

## Timeline
- 2026-11-22T10:00:28Z - Deployment completed
- 2026-11-22T10:01:43Z - P95 latency breach detected

**In short:** slow.

## Evidence

- Signal: P95 - not a bullet of the runbook's
`

func TestBulletsAreTheRunbooks(t *testing.T) {
	require.Equal(t, []string{"Deployment completed", "P95 latency breach detected"}, bullets(incidentTimeline))
	require.Empty(t, bullets("# A draft\n"))
}

func TestHeadEndsBeforeTheEvidence(t *testing.T) {
	got := head(incidentTimeline)
	require.Contains(t, got, "**In short:** slow.\n…\n")
	require.NotContains(t, got, "Evidence")
	require.Equal(t, "short", head("short"))
}

// A timeline that was written before the watch has ended says that the service is not restored yet, and is not what people are to read.
func TestTimelineOfTheWholeWatch(t *testing.T) {
	ended := watch.View{State: watch.RolledBack, Final: true}
	before := incidentTimeline + "\n## Journal\n\n- 2026-11-22T10:07:05Z (+427s) State Verifying: rolled back; checking whether it helped\n"
	require.False(t, tellsEnd(before, ended))
	require.True(t, tellsEnd(before+"- 2026-11-22T10:09:33Z (+575s) State RolledBack, the end of the watch: the rollback helped\n", ended))
}
