package demo

import (
	"testing"

	"github.com/stretchr/testify/require"
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
