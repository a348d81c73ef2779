package demo

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAnnouncements(t *testing.T) {
	at := time.Date(2026, 11, 22, 10, 0, 0, 7, time.UTC)
	for want, story := range map[string]story{
		`{"id":"deploy-20261122T100000Z-checkout","timestamp":"2026-11-22T10:00:00Z","environment":"production","namespace":"shop",
			"workload":"checkout","version":"v2","previousVersion":"v1","operator":"demo"}`: theStage.badRelease(),
		`{"id":"deploy-20261122T100000Z-payments","timestamp":"2026-11-22T10:00:00Z","environment":"production","namespace":"shop",
			"workload":"payments-green","version":"v2","previousVersion":"v1","operator":"demo","strategy":"blue-green",
			"service":"payments","selectorKey":"colour","from":"blue","to":"green"}`: theStage.badSwitch(),
	} {
		document, err := json.Marshal(story.service.announcement(story, at))
		require.NoError(t, err)
		require.JSONEq(t, want, string(document))
	}
}
