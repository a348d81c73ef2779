package incident

import (
	"bytes"
	"encoding/json"
	"os"
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
}
