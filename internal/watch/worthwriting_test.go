package watch

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/incident"
)

func TestFilesAreWrittenWhenTheyTellSomethingNew(t *testing.T) {
	quiet, open := newTestWatch(), newTestWatch(func(w *Watch) { w.Incident = "incident-20261122T100653Z" })
	for _, tc := range []struct {
		name  string
		kinds []incident.Kind
		// quiet and open are whether files are written without and with an incident.
		quiet, open bool
	}{
		{"nothing", nil, false, false},
		{"ticks", []incident.Kind{incident.KindTick, incident.KindTick}, false, false},
		{"a verdict", []incident.Kind{incident.KindTick, incident.KindVerdict}, false, true},
		{"a state", []incident.Kind{incident.KindTick, incident.KindVerdict, incident.KindState}, true, true},
		{"a decision of a person", []incident.Kind{incident.KindControl}, true, true},
		{"the rollout", []incident.Kind{incident.KindRollout}, true, true},
	} {
		var entries []incident.Entry
		for _, k := range tc.kinds {
			entries = append(entries, incident.Entry{Kind: k})
		}
		require.Equal(t, tc.quiet, worthWriting(quiet, entries), tc.name)
		require.Equal(t, tc.open, worthWriting(open, entries), tc.name)
	}
}
