package watch

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/notifier"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// linked gives notices the addresses of pages.
func linked(o *Options) {
	o.Link = func(parts ...string) string { return "https://rollbackd.example/" + strings.Join(parts, "/") }
}

// wantTold compares all that people were told with a golden file.
func (w *world) wantTold(name string) {
	w.t.Helper()
	var b strings.Builder
	for _, n := range w.notices {
		open := ""
		if n.Open {
			open = ", open since " + n.StartedAt.UTC().Format("15:04:05Z")
		}
		fmt.Fprintf(&b, "--- %s: %s (%s%s) %s %s\n%s\n", n.At.UTC().Format("15:04:05Z"), n.Kind, n.Severity, open, n.WorkloadKind, n.Image, notifier.Message(n))
		require.NotEmpty(w.t, n.ID, n.Title)
		require.LessOrEqual(w.t, len([]rune(notifier.Message(n))), notifier.MaxMessage)
		if n.Kind == notifier.KindDeployed || n.Kind == notifier.KindHealthy || n.Kind == notifier.KindStage {
			fmt.Fprintf(&b, "(%s)\n", n.Text)
		}
	}
	path := filepath.Join("testdata", "told", name+".golden")
	if *update {
		require.NoError(w.t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(w.t, os.WriteFile(path, []byte(b.String()), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(w.t, err)
	require.Equal(w.t, string(want), b.String())
}

// What people are told of a good deployment: quietly, at its beginning, at each stage, and when it is known to be well.
func TestWhatIsToldOfAGoodDeployment(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.errorsIn = 0
		p := w.run(linked)
		require.NoError(t, p.Accept(t.Context(), w.document(`"version":"v2"`, `"version":"v2","operator":"ana","hotfix":true,"schemaChange":true`)))
		w.await(p, Healthy)
		synctest.Wait()
		w.wantTold("good")
		require.Empty(t, p.Open())
	})
}

// And of a bad one that is rolled back.
func TestWhatIsToldOfARollback(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run(linked)
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.await(p, RolledBack)
		synctest.Wait()
		w.wantTold("rolled_back")
		require.Empty(t, p.Open())
	})
}

// One that only a person may roll back: it waits, nobody comes, and its incident stays open, over a restart too, until another version serves.
func TestAnOpenIncidentIsKnownUntilAnotherVersionServes(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		asks := func(o *Options) {
			for i := range o.Policies[0].Stages {
				o.Policies[0].Stages[i].Mode = Approve
			}
			o.Policies[0].ApprovalFor = time.Minute
		}
		p := w.run(linked, asks)
		require.NoError(t, p.Accept(t.Context(), w.document()))
		waiting := w.await(p, AwaitingApproval)
		synctest.Wait()
		open := p.Open()
		require.Len(t, open, 2)
		require.Equal(t, []any{notifier.KindRegressed, notifier.KindAwaiting, true, waiting.Incident, notifier.Page},
			[]any{open[0].Kind, open[1].Kind, open[1].Open, open[1].Incident, open[1].Severity})
		require.Equal(t, "https://rollbackd.example/incidents/"+waiting.Incident, open[1].Link)

		w.await(p, Held)
		synctest.Wait()
		p.stop()
		next := w.run(linked, asks)
		time.Sleep(time.Minute)
		open = next.Open()
		require.Len(t, open, 2)
		require.Equal(t, []any{notifier.KindUnresolved, true}, []any{open[1].Kind, open[1].Open})

		w.errorsIn = 0
		time.Sleep(time.Minute)
		w.deploy("v3", "3")
		w.mu.Lock()
		w.live.Revisions[0] = revisionOf("v3", "3", time.Now().UTC())
		w.live.Live = &w.live.Revisions[0]
		w.mu.Unlock()
		require.NoError(t, next.Accept(t.Context(), published(time.Now(), `"id":"d1"`, `"id":"d2"`, `"version":"v2"`, `"version":"v3"`)))
		time.Sleep(time.Minute)
		require.Empty(t, next.Open())
		w.wantTold("held_then_resolved")
	})
}

// What came of a delivery is recorded beside the journal once, however often it is told, and has the files written again.
func TestDeliveriesAreRecorded(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		ended := w.await(p, RolledBack)
		for range 3 {
			p.Told(notifier.Delivery{Notice: notifier.Notice{ID: "n.1", Watch: ended.Key, Title: "it is bad", Severity: notifier.Page}, Sink: "chat/ops", Result: notifier.Sent, Attempts: 2, At: time.Now()})
		}
		p.Told(notifier.Delivery{Notice: notifier.Notice{ID: "n.2", Watch: "no.such.watch"}, Sink: "chat", Result: notifier.Sent})
		time.Sleep(time.Minute)
		var told []incident.Told
		require.NoError(t, w.options().Annex.ReadAll(t.Context(), ended.Key, func(_ uint64, data []byte) error {
			var e incident.Entry
			err := json.Unmarshal(data, &e)
			if e.Told != nil {
				told = append(told, *e.Told)
			}
			return err
		}))
		require.Len(t, told, 1)
		require.Equal(t, []any{"n.1", "chat/ops", "page", "it is bad", "sent", 2}, []any{told[0].Notice, told[0].Sink, told[0].Severity, told[0].Title, told[0].Result, told[0].Attempts})
	})
}
