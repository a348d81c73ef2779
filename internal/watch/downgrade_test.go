package watch

import (
	"bytes"
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/incident"
)

// A watch that a later version has brought to a state which this one does not know is left as it is: it is not taken for one that
// has ended, nothing is done about it, and what is stored of it stays.
func TestAStateOfALaterVersionIsLeftAlone(t *testing.T) {
	for name, leave := range map[string]func(w *world, key string){
		"in the journal": func(w *world, key string) {
			data, err := json.Marshal(incident.Entry{Version: incident.EntryVersion, Kind: incident.KindState, Watch: key, At: time.Now(),
				State: &incident.StateChange{From: string(Watching), To: "Postponed", Reason: "by a later version"}})
			require.NoError(w.t, err)
			w.seq++
			w.journal[key] = append(w.journal[key], record{seq: w.seq, id: "later", data: data})
		},
		"in the picture": func(w *world, key string) {
			require.Contains(w.t, string(w.stored[key]), `"state":"Watching"`)
			w.stored[key] = bytes.Replace(w.stored[key], []byte(`"state":"Watching"`), []byte(`"state":"Postponed"`), 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				p := w.run()
				require.NoError(t, p.Accept(t.Context(), w.document()))
				key := w.await(p, Watching).Key
				synctest.Wait() // until its picture is stored
				p.stop()
				leave(w, key)
				stored, entries := string(w.stored[key]), len(w.entries())
				p = w.run()
				time.Sleep(10 * time.Minute)
				for _, v := range p.Watches() {
					require.False(t, v.State.Final())
				}
				p.stop()
				require.Empty(t, w.patched())
				require.Equal(t, stored, string(w.stored[key]))
				require.Len(t, w.entries(), entries)
			})
		})
	}
}
