package incident

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The record of a drill says what it is before anything that could alarm, asks for no review, and links to no file that is not there.
func TestTheRecordOfADrill(t *testing.T) {
	text, err := os.ReadFile("testdata/restored.jsonl")
	require.NoError(t, err)
	var entries []Entry
	for line := range bytes.Lines(text) {
		var e Entry
		require.NoError(t, json.Unmarshal(line, &e))
		if e.Accepted != nil {
			e.Accepted.Event = json.RawMessage(strings.Replace(string(e.Accepted.Event), `{`, `{"drill":true,`, 1))
		}
		entries = append(entries, e)
	}
	names := map[string]string{}
	for _, f := range Files(entries) {
		names[f.Name] = string(f.Body)
	}
	require.NotContains(t, names, postmortemFile)
	require.NotContains(t, names, statusPageFile)
	timeline := names[timelineFile]
	require.Contains(t, timeline, "**Drill:** this version was bad on purpose")
	require.Less(t, strings.Index(timeline, "**Drill:**"), strings.Index(timeline, "Evidence"))
	require.NotContains(t, timeline, "postmortem")
	require.Contains(t, string(DeployLog(entries)), `"drill": true`)
	require.True(t, DigestOf(entries).Drill)
	require.Nil(t, DigestOf(entries).Drilled, "nobody has said yet what it came to")

	passed := Drilled{Passed: true, RestoredBy: "rollbackd", DetectWithin: 300, RecoverWithin: 600, DetectedAfter: new(8.44), RecoveredAfter: new(14.5)}
	missed := Drilled{Missed: []string{"it was not found to be bad (target 5m0s)", "the good version was put back by rollbackctl, and not by rollbackd"}, RestoredBy: "rollbackctl"}
	for _, tc := range []struct {
		result Drilled
		words  string
	}{
		{passed, "Drill **passed**: found to be bad after 8.4s (target 5m0s), well again after 14.5s (target 10m0s); put back by rollbackd"},
		{missed, "Drill **NOT passed**: it was not found to be bad (target 5m0s); the good version was put back by rollbackctl, and not by rollbackd; put back by rollbackctl"},
	} {
		whole := append(slices.Clone(entries), Entry{At: entries[len(entries)-1].At, Actor: "ana", Kind: KindDrilled, Drilled: &tc.result})
		timeline := string(Timeline(whole))
		require.Contains(t, timeline, "Nothing here is an incident.\n\n"+tc.words+", by ana.\n")
		require.Contains(t, timeline, tc.words+" (by ana)\n", "and in the journal")
		require.Contains(t, string(JSON(whole)), `"drilled": {`)
		require.Empty(t, readSchema(t).check(JSON(whole)))
		d := DigestOf(whole).Drilled
		require.Equal(t, []any{tc.result.Passed, strings.Join(tc.result.Missed, "; "), "ana"}, []any{d.Passed, d.Missed, d.By})
		require.Equal(t, DigestOf(whole), DigestOf(append(whole, Entry{Drilled: &Drilled{}})), "the first counts")
	}
}
