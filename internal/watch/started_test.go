package watch

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
)

// These tests are about a deployment that is announced when it begins and again when it is complete, and takes its time in between: a
// blue-green deployment is smoke-tested before its switch, and Helm waits for its hooks.

// announcedOnce has the one event say that the deployment is complete, as it does if it says nothing of that.
func announcedOnce(w *Watch) { w.Event.Status = event.StatusSuccess }

func TestStoriesOfWhatHasStarted(t *testing.T) {
	for _, tc := range []struct {
		name   string
		edit   func(*Watch)
		script string
		reason string
	}{
		{name: "it is not late while nobody says that it is complete", script: `
			5m1s  | see v1 | -                        | Pending observe
			29m   | see v2 | pinned >Watching rollout | Watching baseline`},
		{name: "it is given up in the end", reason: "was not live within 30m0s of the start", script: `
			30m   | see v1 | -             | Pending observe
			30m1s | see v1 | >Inconclusive | Inconclusive`},
		{name: "a policy that watches for longer waits for longer", reason: "within 45m0s",
			edit: func(w *Watch) { w.Policy.Stages[0].Until = 45 * time.Minute }, script: `
			45m   | see v1 | -             | Pending observe
			45m1s | see v1 | >Inconclusive | Inconclusive`},
		{name: "it is never waited for for less than what is complete", reason: "within 2h0m0s",
			edit: func(w *Watch) { w.Policy.SettleFor = 2 * time.Hour }, script: `
			2h   | see v1 | -             | Pending observe
			2h1s | see v1 | >Inconclusive | Inconclusive`},
		{name: "once it is complete, the version may take as long as any", reason: "was not live within 5m0s: ", script: `
			12m   | updated | updated       | Pending observe
			17m   | see v1  | -             | Pending observe
			17m1s | see v1  | >Inconclusive | Inconclusive`},
		{name: "it is complete at the last moment", script: `
			29m59s | updated | updated                  | Pending observe
			34m    | see v2  | pinned >Watching rollout | Watching baseline`},
		{name: "it is complete at once", script: `
			1m   | updated | updated       | Pending observe
			6m   | see v1  | -             | Pending observe
			6m1s | see v1  | >Inconclusive | Inconclusive`},
		{name: "that it is complete counts once", script: `
			12m   | updated | updated       | Pending observe
			16m   | updated | -             | Pending observe
			17m1s | see v1  | >Inconclusive | Inconclusive`},
		{name: "what was announced as complete is not given more time", reason: "was not live within 5m0s: ",
			edit: announcedOnce, script: `
			5m   | see v1 | -             | Pending observe
			5m1s | see v1 | >Inconclusive | Inconclusive`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newStory(t, func(w *Watch) {
				if tc.edit != nil {
					tc.edit(w)
				}
			})
			s.play(tc.script)
			require.Contains(t, s.watch.Reason, tc.reason)
		})
	}
}

// Another process counts from the same moment: it finds it in the journal, whatever the stored picture of the watch says already.
func TestWhenItWasCompleteIsKnownAfterARestart(t *testing.T) {
	s := newStory(t)
	s.play(`12m | updated | updated | Pending observe`)
	s.accepted = s.watch // the picture that was stored after the second event
	s.killed(0)
	s.play(`
		17m   | see v1 | -             | Pending observe
		17m1s | see v1 | >Inconclusive | Inconclusive`)
}

func TestASlowDeploymentIsWatchedOnceItIsComplete(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.deploy("v1", "1")
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document(`"version"`, `"status":"started","version"`)))
		for range 2 {
			time.Sleep(10 * time.Minute)
			require.Equal(t, Pending, p.Watches()[0].State)
			p.stop()
			p = w.run()
		}
		require.NoError(t, p.Accept(t.Context(), w.document()))
		p.stop()
		p = w.run()
		time.Sleep(4 * time.Minute)
		w.t0 = time.Now().UTC()
		w.deploy("v2", "2")
		w.await(p, Watching)
		require.Equal(t, 1, count(w.entries(), incident.KindUpdated))
	})
}

// An event whose watch has ended without the version is not swallowed: who published it hears that nobody watches, and what to do.
func TestACompletionThatComesTooLateIsRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.deploy("v1", "1")
		started, complete := w.document(`"version"`, `"status":"started","version"`), w.document()
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), started))
		time.Sleep(25 * time.Minute)
		w.await(p, Inconclusive)
		w.t0 = time.Now().UTC()
		w.deploy("v2", "2")
		for range 2 { // whatever runs by then
			err := p.Accept(t.Context(), complete)
			require.Equal(t, event.CodeTooLate, code(t, err))
			require.ErrorContains(t, err, "was not live within 30m0s")
			require.ErrorContains(t, err, "with an id of its own")
			require.NoError(t, p.Accept(t.Context(), started), "the first event is known")
			require.Zero(t, count(w.entries(), incident.KindUpdated))
			p.stop()
			p = w.run()
		}
		require.NoError(t, p.Accept(t.Context(), w.document(`"d1"`, `"d2"`)))
		w.await(p, Watching)
	})
}

// Whoever had the watch ended before there was anything to watch knows that there is none.
func TestACompletionOfWhatAPersonEndedIsAcknowledged(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.deploy("v1", "1")
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document(`"version"`, `"status":"started","version"`)))
		open := w.await(p, Pending)
		require.True(t, w.asks(p, control.Abort, control.Request{Watch: open.Key}).OK)
		w.await(p, Aborted)
		time.Sleep(time.Second)
		require.NoError(t, p.Accept(t.Context(), w.document()))
	})
}

// What has been watched, and what nobody is to watch, needs no more to be said of it.
func TestACompletionThatChangesNothingIsAcknowledged(t *testing.T) {
	for name, tc := range map[string]struct {
		policies func([]Policy)
		edits    []string
		ended    State
	}{
		"it was watched to its end":                 {ended: RolledBack},
		"no policy covers it":                       {policies: func(p []Policy) { p[0].Match = []Match{{Workload: "cart*"}} }, ended: Inconclusive},
		"it was watched without an answer":          {policies: func(p []Policy) { p[0].Signals[0].Rule.MinRequests = 1 << 40 }, ended: Inconclusive},
		"both are from a time that nobody looks at": {edits: []string{"2000-01-01T00", "1999-12-30T00"}, ended: Inconclusive},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				p := w.run(func(o *Options) {
					if tc.policies != nil {
						tc.policies(o.Policies)
					}
				})
				require.NoError(t, p.Accept(t.Context(), w.document(append(tc.edits, `"version"`, `"status":"started","version"`)...)))
				w.await(p, tc.ended)
				time.Sleep(time.Second)
				require.NoError(t, p.Accept(t.Context(), w.document(tc.edits...)))
			})
		})
	}
}
