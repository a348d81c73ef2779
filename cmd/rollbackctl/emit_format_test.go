package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/event"
)

// TestFormatsSayTheSame: in whatever format an event is published, the daemon reads the same of it, but for the id.
func TestFormatsSayTheSame(t *testing.T) {
	e := event.Event{
		ID: "d1", Timestamp: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC), Environment: "production", Namespace: "shop", Workload: "checkout",
		Kind: event.KindDeployment, Strategy: event.StrategyBlueGreen, Version: "v1.2+3 @sha256:ab", Commit: "abc", Operator: "ana", Status: event.StatusStarted,
		SchemaChange: true, Service: "app", SelectorKey: "version", From: "blue", To: "green",
	}
	for format, id := range map[format]string{formatNative: "d1", formatCloudEvents: "d1", formatCDEvents: "rollbackctl d1-started"} {
		document, err := json.Marshal(format.of(e))
		require.NoError(t, err)
		read, err := event.Decode(e.Target().Subject(), document)
		require.NoError(t, err, string(document))
		want := e
		want.ID, want.Raw = id, document
		require.Equal(t, want, read)
		parsed, err := event.Parse(document)
		require.NoError(t, err)
		require.Equal(t, read, parsed)
	}
	e.ID = ""
	require.Equal(t, "v1.2+3 @sha256:ab-2026-11-22T10:00:00Z", identify(e))
	var f format
	require.EqualError(t, f.Set("xml"), `"xml" is not one of native, cloudevents and cdevents`)
}

func TestEmitInTheFormatsOfOthers(t *testing.T) {
	s := startStack(t)
	for _, format := range []string{"cloudevents", "cdevents"} {
		code, _, problems := s.run(t, emitting("--version", "v2", "--format", format)...)
		require.Equal(t, exitDone, code, problems)
		got := s.published(t)
		require.Equal(t, "v2", got.Version)
		var document map[string]any
		require.NoError(t, json.Unmarshal(got.Raw, &document))
		require.Contains(t, document, map[string]string{"cloudevents": "specversion", "cdevents": "context"}[format])
	}
	code, _, problems := s.run(t, emitting("--version", "v2", "--format", "xml")...)
	require.Equal(t, exitUsage, code)
	require.Contains(t, problems, `"xml" is not one of native, cloudevents and cdevents`)
}
