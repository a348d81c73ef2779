package app

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/internal/bus"
	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/internal/watch"
)

const journalled = "production.shop.a"

// served is a NATS on a folder, with a supervisor that reads from it.
type served struct {
	journal    *bus.Journal
	supervisor *watch.Supervisor
	kill       func()
}

// patient is how long something that is there may take to answer on a machine that has much else to do.
const patient = 15 * time.Second

// serveFrom serves from a folder; patience is how long a call on NATS may take, zero for as long as in the daemon.
func serveFrom(t *testing.T, dir string, patience time.Duration) served {
	t.Helper()
	server, err := bus.StartEmbedded(bus.EmbeddedOptions{DataDir: dir, Listen: "127.0.0.1:0"})
	require.NoError(t, err)
	t.Cleanup(server.Shutdown)
	nc, err := server.Connect()
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	b, err := bus.Open(t.Context(), nc, bus.Options{Instance: "main", Environments: []string{"production"}, Timeout: patience})
	require.NoError(t, err)
	return served{b.Journal(), watch.New(watch.Options{Instance: "main", Ledger: b.Ledger(), Annex: b.Journal(), Journal: journal{b.Journal()},
		Metrics: watch.NewMetrics(prometheus.NewRegistry()), Log: zap.NewNop()}), func() { nc.Close(); server.Shutdown() }}
}

// page asks for one page of the journal.
func (s served) page(t *testing.T, after uint64) ([]incident.Entry, control.Reply) {
	t.Helper()
	reply := s.supervisor.Ask(t.Context(), control.Asked{By: "ana", Verb: control.Journal, Target: event.Target{Environment: "production", Namespace: "shop", Workload: control.AllWorkloads},
		Request: control.Request{Watch: journalled, Reading: control.Reading{After: after}}})
	lines, err := reply.Unpack()
	require.NoError(t, err)
	var entries []incident.Entry
	for _, line := range lines {
		var e incident.Entry
		require.NoError(t, json.Unmarshal(line, &e))
		entries = append(entries, e)
	}
	return entries, reply
}

// whole has NATS killed after every entry; seed repeats a run whose log has it.
var (
	whole = flag.Bool("whole", false, "kill NATS after every entry of a journal, not after a third of them")
	seed  = flag.Uint64("seed", 0, "the seed of a run that is to be repeated (0: another one each time)")
)

// killedAfter chooses the entries after which NATS is killed: all of them, or a third that chance decides, and the last.
func killedAfter(t *testing.T, n int) map[int]bool {
	from := *seed
	if from == 0 {
		from = rand.Uint64()
	}
	chance := rand.New(rand.NewPCG(from, 1))
	order := chance.Perm(n)
	if !*whole {
		t.Logf("-seed %d", from)
		order = append(order[:n/3], n-1)
	}
	out := map[int]bool{}
	for _, i := range order {
		out[i] = true
	}
	return out
}

// NATS is killed between any two entries, again and again: what is rendered from what is left is what was true at that moment.
func TestWhatIsRenderedIsATruePrefix(t *testing.T) {
	text, err := os.ReadFile("../incident/testdata/restored.jsonl")
	require.NoError(t, err)
	var all []incident.Entry
	for line := range bytes.Lines(text) {
		var e incident.Entry
		require.NoError(t, json.Unmarshal(line, &e))
		e.Watch = journalled
		all = append(all, e)
	}
	dir := t.TempDir()
	s := serveFrom(t, dir, patient)
	var last uint64
	after := killedAfter(t, len(all))
	for i := range all {
		data, err := json.Marshal(all[i])
		require.NoError(t, err)
		last, err = s.journal.Append(t.Context(), journalled, fmt.Sprint(i), data, last)
		require.NoError(t, err)
		all[i].Seq = last
		if !after[i] {
			continue
		}
		s.kill()
		s = serveFrom(t, dir, patient)
		got, reply := s.page(t, 0)
		require.True(t, reply.OK, reply.Message)
		require.Len(t, got, i+1)
		want, have := incident.Files(all[:i+1]), incident.Files(got)
		require.Len(t, have, len(want))
		for j, f := range have {
			require.Equal(t, want[j].Name, f.Name)
			require.Equal(t, string(want[j].Body), string(f.Body), "%s after entry %d", f.Name, i)
		}
	}
}

// NATS is killed while a record is read: whoever reads is told so, and does not take what came until then for the whole.
func TestAReadingThatIsCutOffIsNoRecord(t *testing.T) {
	s := serveFrom(t, t.TempDir(), 0)
	var last uint64
	for i, reason := range []string{"first", string(bytes.Repeat([]byte("x"), control.PageBytes)), "third"} {
		data, err := json.Marshal(incident.Entry{Version: 1, Watch: journalled, Kind: incident.KindState, State: &incident.StateChange{To: "Watching", Reason: reason}})
		require.NoError(t, err)
		last, err = s.journal.Append(t.Context(), journalled, fmt.Sprint(i), data, last)
		require.NoError(t, err)
	}
	first, reply := s.page(t, 0)
	require.Len(t, first, 1)
	require.NotZero(t, reply.Next)
	s.kill()
	none, reply := s.page(t, reply.Next)
	require.Empty(t, none)
	require.False(t, reply.OK)
	require.Equal(t, control.CodeBusy, reply.Code)
}
