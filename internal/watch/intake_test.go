package watch

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
)

// code is the code of a rejection, and "" for no error.
func code(t *testing.T, err error) event.Code {
	t.Helper()
	var r *event.Rejection
	if err == nil {
		return ""
	}
	require.ErrorAs(t, err, &r)
	require.NotEmpty(t, r.Fix)
	return r.Code
}

func count(entries []incident.Entry, kind incident.Kind) int {
	n := 0
	for _, e := range entries {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

func TestEventsAgain(t *testing.T) {
	started := []string{`"version"`, `"status":"started","version"`}
	for name, tc := range map[string]struct {
		first, second []string
		want          event.Code
		updates       int
		version       string
	}{
		"the same event":              {},
		"its fields in other words":   {second: []string{`"id":"d1",`, ``, `"version":"v2"`, `"version":"v2","status":"success","id":"d1"`}},
		"another version":             {second: []string{"v2", "v3"}, want: event.CodeConflict},
		"an unknown field more":       {second: []string{`"version"`, `"x":1,"version"`}, want: event.CodeConflict},
		"the second of a pair":        {first: started, updates: 1},
		"the pair in the wrong order": {second: started},
		"another pair's second":       {first: started, second: []string{"v2", "v3"}, want: event.CodeConflict},
		"a second from the future":    {first: started, second: []string{"2000-01-01T00", "2000-01-02T00"}, want: event.CodeFuture},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				p := w.run()
				require.NoError(t, p.Accept(t.Context(), w.document(tc.first...)))
				w.await(p, Watching)
				for range 2 { // each comes twice
					require.Equal(t, tc.want, code(t, p.Accept(t.Context(), w.document(tc.second...))))
					require.NoError(t, p.Accept(t.Context(), w.document(tc.first...)))
				}
				require.Len(t, p.Watches(), 1)
				require.Equal(t, tc.updates, count(w.entries(), incident.KindUpdated))
				require.Equal(t, 1, count(w.entries(), incident.KindAccepted))
				require.Len(t, w.names, 1, "a name is claimed once")
			})
		})
	}
}

// The second event is acknowledged only when the journal holds it, however busy the watch is.
func TestTheSecondOfAPairIsNotLost(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document(`"version"`, `"status":"started","version"`)))
		key := w.await(p, Watching).Key
		w.failing(func(call string, _ bool) error {
			if call == "journal.append" {
				return errDown
			}
			return nil
		})
		time.Sleep(time.Minute)
		for range 2 * mailboxSize {
			require.ErrorIs(t, p.Accept(t.Context(), w.document()), errBusy)
		}
		require.False(t, p.actors[key].post(clock{}), "the mailbox is full")
		p.stop()
		w.failing(nil)
		p = w.run()
		require.Eventually(t, func() bool { return p.Accept(t.Context(), w.document()) == nil }, time.Minute, time.Second)
		require.Equal(t, 1, count(w.entries(), incident.KindUpdated))
		require.Equal(t, event.StatusSuccess, p.Watches()[0].Event.Status)
	})
}

func TestEventsThatAreNotWatched(t *testing.T) {
	for name, tc := range map[string]struct {
		edits    []string
		policies func([]Policy)
		want     event.Code
		recorded string
	}{
		"a policy that does not cover the workload": {edits: []string{`"version"`, `"policy":"lax","version"`}, want: event.CodeUnauthorised},
		"a policy that covers another":              {policies: func(p []Policy) { p[0].Match = []Match{{Workload: "cart*"}} }, recorded: "no policy covers"},
		"a canary that cannot be judged in parts": {edits: []string{`"version"`, `"strategy":"canary","canary":"checkout-canary","version"`},
			policies: func(p []Policy) {
				p[0].Signals = []analyzer.Signal{{Name: "orders", Kind: analyzer.KindBusiness, Events: "orders_total"}}
			}, want: event.CodeUnsupported},
		"an event from the future": {edits: []string{"2000-01-01T00", "2000-01-01T09"}, want: event.CodeFuture},
		"an event from long ago":   {edits: []string{"2000-01-01T00", "1999-12-30T00"}, recorded: "ago"},
		"a malformed event":        {edits: []string{`{`, `[`}, want: event.CodeMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				p := w.run(func(o *Options) {
					if tc.policies != nil {
						tc.policies(o.Policies)
					}
				})
				require.Equal(t, tc.want, code(t, p.Accept(t.Context(), w.document(tc.edits...))))
				if tc.recorded == "" {
					require.Empty(t, p.Watches())
					return
				}
				ended := w.await(p, Inconclusive)
				require.Contains(t, ended.Reason, tc.recorded)
				time.Sleep(time.Second)
				require.Equal(t, Inconclusive, w.recorded(ended.Key), "it is in the records all the same")
				require.NoError(t, p.Accept(t.Context(), w.document(tc.edits...)), "and known when it comes again")
			})
		})
	}
}

// An event that was accepted stays accepted when the policies change before it is acknowledged.
func TestRedeliveryAfterAChangeOfPolicies(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		named := w.document(`"version"`, `"policy":"http","version"`)
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), named))
		w.await(p, Watching)
		p.stop()
		p = w.run(func(o *Options) { o.Policies[0].Name = "renamed" })
		require.NoError(t, p.Accept(t.Context(), named))
		require.Equal(t, "http", p.Watches()[0].Policy.Name)
		w.await(p, RolledBack)
	})
}

// The process dies after the watch was stored and before anything else; the next one has it, and takes the event again.
func TestRedeliveryOfAStoredEvent(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run()
		w.failing(func(call string, done bool) error {
			if call == "store.create" && done {
				return errDown
			}
			return nil
		})
		require.ErrorIs(t, p.Accept(t.Context(), w.document()), errDown)
		require.Empty(t, p.Watches())
		w.failing(nil)
		require.NoError(t, p.Accept(t.Context(), w.document()), "also by the process that did not see its own success")
		w.await(p, RolledBack)
		require.Len(t, w.patched(), 1)
	})
}

func TestAnUnknownWorkloadIsRejected(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.live.UID = ""
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		began := time.Now()
		w.await(p, Inconclusive)
		require.GreaterOrEqual(t, time.Since(began), unknownAfter)
		require.Len(t, w.rejected, 1)
		require.Equal(t, event.CodeUnknownWorkload, w.rejected[0].Code)
	})
}

// One record that cannot be read must not keep the others from being watched.
func TestAnUnreadableRecord(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.await(p, Watching)
		p.stop()
		future, err := json.Marshal(newTestWatch(func(v *Watch) { v.Format = recordFormat + 1 }))
		require.NoError(t, err)
		bare, err := json.Marshal(newTestWatch(func(v *Watch) { v.Policy = Policy{} }))
		require.NoError(t, err)
		w.stored["torn"], w.stored["future"], w.stored["bare"] = []byte(`{"format":1,"key":"x"`), future, bare
		w.await(w.run(), RolledBack)
	})
}

// An unreadable entry stops its own watch and no other.
func TestAnUnreadableJournal(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		broken := w.await(p, Watching).Key
		p.stop()
		w.journal[broken][0].data = []byte("{")
		p = w.run()
		second := w.document(`"d1"`, `"d2"`)
		require.NoError(t, p.Accept(t.Context(), second))
		require.Eventually(t, func() bool {
			for _, v := range p.Watches() {
				if v.Event.ID == "d2" && v.State == RolledBack {
					return true
				}
			}
			return false
		}, 5*time.Minute, time.Second)
	})
}

func TestLoadFailsIfTheStoreDoes(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.failing(func(string, bool) error { return errDown })
		require.True(t, errors.Is(New(w.options()).Load(t.Context()), errDown))
	})
}
