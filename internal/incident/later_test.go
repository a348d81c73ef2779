package incident

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWhatALaterVersionWritesIsPassedOver: fields and whole entries that this version does not know change nothing of what it makes of
// a journal, so that it can be gone back to (docs/upgrades.md).
func TestWhatALaterVersionWritesIsPassedOver(t *testing.T) {
	body, err := os.ReadFile("testdata/restored.jsonl")
	require.NoError(t, err)
	var now, later []Entry
	for line := range bytes.Lines(body) {
		var e Entry
		require.NoError(t, json.Unmarshal(line, &e))
		now = append(now, e)

		var object map[string]any
		require.NoError(t, json.Unmarshal(line, &object))
		object["v"], object["ofALaterVersion"] = EntryVersion+1, map[string]any{"x": 1}
		later = append(later, reread(t, object))
		later = append(later, reread(t, map[string]any{
			"v": EntryVersion + 1, "id": e.ID + "-later", "at": e.At, "watch": e.Watch, "actor": e.Actor, "kind": "postponed", "postponed": map[string]any{"until": e.At},
		}))
	}
	want, have := Fold(now), Fold(later)
	require.Equal(t, 2*want.Entries, have.Entries)
	have.Entries = want.Entries
	require.Equal(t, want, have)
	require.True(t, slices.ContainsFunc(later, func(e Entry) bool { return e.Kind == "postponed" }))
}

func reread(t *testing.T, object map[string]any) Entry {
	t.Helper()
	text, err := json.Marshal(object)
	require.NoError(t, err)
	var e Entry
	require.NoError(t, json.Unmarshal(text, &e))
	return e
}
