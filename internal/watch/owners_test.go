package watch

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/notifier"
	"github.com/rollbackd/rollbackd/rollback"
)

// ownedByArgo has an Application with automated sync own shop/checkout.
func (w *world) ownedByArgo(mode rollback.GitOps) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gitops = mode
	w.live.Traces = rollback.Traces{Annotations: map[string]string{"argocd.argoproj.io/tracking-id": "checkout:apps/Deployment:shop/checkout"}}
	w.keeper = rollback.Keeper{UID: "app", Reverts: rollback.RevertsYes, Why: "its automated sync is on"}
}

// ownedByFlux has a Flux Kustomization own shop/checkout.
func (w *world) ownedByFlux(mode rollback.GitOps) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gitops = mode
	w.live.Traces = rollback.Traces{Labels: map[string]string{
		"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
	}}
}

// putBack has the cluster run a version again, as a reverter would.
func (w *world) putBack(version string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	traces := w.live.Traces
	w.live = clusterShows(version)
	w.live.Traces, w.live.Revision = traces, "4"
}

func (w *world) heldBy() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.heldFor
}

// phases are the steps of the hold that the journal tells.
func (w *world) phases() []incident.HoldPhase {
	var out []incident.HoldPhase
	for _, e := range w.entries() {
		if e.OwnerHold != nil {
			out = append(out, e.OwnerHold.Phase)
		}
	}
	return out
}

// guards waits for the actors that look after ended watches, and returns how many there are.
func (p *process) guarding() int {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return len(p.guards)
}

func TestARollbackThatWouldBeUndoneIsRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.ownedByFlux("")
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document(`"version":"v2"`, `"version":"v2","commit":"abc123"`)))
		ended := w.await(p, Held)
		synctest.Wait()
		require.Empty(t, w.patched())
		require.Contains(t, ended.Reason, "Flux Kustomization flux-system/apps writes Deployment shop/checkout too")
		text := w.pages()[0].Text
		require.Contains(t, text, "git revert abc123")
		require.Contains(t, text, "flux suspend kustomization apps -n flux-system")
		require.Contains(t, text, "kubectl -n shop rollout undo deployment/checkout --to-revision=1")
	})
}

// An owner is held before the rollback, and let go when the next deployment is announced, before that is live: a tool
// that is held could never bring it.
func TestAnOwnerIsHeldUntilTheNextDeployment(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.ownedByArgo(rollback.GitOpsHold)
		var mu sync.Mutex
		var calls []string
		w.failing(func(call string, done bool) error {
			mu.Lock()
			defer mu.Unlock()
			if done && (call == "owners.hold" || call == "cluster.apply" || call == "owners.letgo") {
				calls = append(calls, call)
			}
			return nil
		})
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		ended := w.await(p, RolledBack)
		require.Equal(t, []string{"owners.hold", "cluster.apply"}, calls)
		require.Equal(t, w.patched()[0], w.heldBy())
		require.Equal(t, []incident.HoldPhase{incident.HoldPlacing, incident.HoldPlaced}, w.phases())

		require.NoError(t, p.Accept(t.Context(), w.document(`"d1"`, `"d1-again"`)))
		require.NoError(t, p.Accept(t.Context(), w.document(`"d1"`, `"d2"`, `"version":"v2"`, `"version":"v3","status":"started"`)))
		time.Sleep(time.Minute)
		require.NotEmpty(t, w.heldBy(), "neither the same version nor one that has only begun lets go")

		require.NoError(t, p.Accept(t.Context(), w.document(`"d1"`, `"d3"`, `"version":"v2"`, `"version":"v4"`)))
		time.Sleep(time.Second)
		require.Empty(t, w.heldBy())
		kept, _ := p.Get(ended.Key)
		require.Equal(t, incident.HoldReleased, kept.OwnerHold)
		require.Contains(t, w.told(), "shop/checkout v2: the GitOps tool that was held off may go on")
	})
}

// The hold outlives the process, however long no deployment comes.
func TestAHoldOutlivesTheProcess(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.ownedByArgo(rollback.GitOpsHold)
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.await(p, RolledBack)
		synctest.Wait()
		p.stop()
		time.Sleep(48 * time.Hour)
		require.NotEmpty(t, w.heldBy())
		p = w.run()
		require.NoError(t, p.Accept(t.Context(), published(time.Now(), `"d1"`, `"d3"`, `"version":"v2"`, `"version":"v4"`)))
		time.Sleep(time.Second)
		require.Empty(t, w.heldBy())
		require.Zero(t, p.guarding(), "there is nothing left to guard")
	})
}

// What cannot be undone is tried again, with pauses, and paged for once.
func TestAHoldThatCannotBeUndoneIsPagedFor(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.ownedByArgo(rollback.GitOpsHold)
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.await(p, RolledBack)
		var mu sync.Mutex
		tries := 0
		w.failing(func(call string, done bool) error {
			if call != "owners.letgo" {
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			tries++
			return errDown
		})
		before := len(w.pages())
		require.NoError(t, p.Accept(t.Context(), w.document(`"d1"`, `"d3"`, `"version":"v2"`, `"version":"v4"`)))
		time.Sleep(30 * time.Minute)
		mu.Lock()
		require.Greater(t, tries, 10)
		require.Less(t, tries, 40)
		mu.Unlock()
		pages := w.pages()[before:]
		require.Len(t, pages, 1)
		require.Contains(t, pages[0].Title, "cannot be let go")
		w.failing(nil)
		time.Sleep(5 * time.Minute)
		require.Empty(t, w.heldBy())
		require.Equal(t, []incident.HoldPhase{incident.HoldPlacing, incident.HoldPlaced, incident.HoldStuck, incident.HoldReleased}, w.phases())
	})
}

// Without its journal nobody knows what is held: a person is told, once.
func TestAHoldWhoseJournalIsLostIsPagedFor(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.ownedByArgo(rollback.GitOpsHold)
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.await(p, RolledBack)
		synctest.Wait()
		p.stop()
		w.loseJournals()
		before := len(w.pages())
		for range 2 {
			p = w.run()
			time.Sleep(time.Minute)
			p.stop()
		}
		require.Len(t, w.pages()[before:], 1)
		require.Contains(t, w.pages()[before].Text, "the journal was lost")
	})
}

// A rollback that does not come about leaves nobody held.
func TestARollbackThatDoesNotLandHoldsNobody(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.ownedByArgo(rollback.GitOpsHold)
		var once sync.Once
		w.failing(func(call string, done bool) error {
			if call == "owners.hold" && done {
				once.Do(func() { w.putBack("v9") })
			}
			return nil
		})
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.await(p, Superseded)
		time.Sleep(time.Second)
		require.Empty(t, w.patched())
		require.Empty(t, w.heldBy())
		require.Equal(t, 1, w.letGo)
	})
}

// The version comes back while it is checked whether the rollback helped: one page, and no fight.
func TestTheVersionComesBackAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.ownedByFlux(rollback.GitOpsIgnore)
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.await(p, Verifying)
		w.putBack("v2")
		ended := w.await(p, RolledBackUnverified)
		time.Sleep(2 * time.Hour)
		require.Contains(t, ended.Reason, "came back")
		require.Len(t, w.patched(), 1, "it is not rolled back again")
		require.Len(t, w.pages(), 1)
		require.Equal(t, "shop/checkout v2 came back after it was rolled back", w.pages()[0].Title)
	})
}

// The version comes back after the watch has ended: that is noticed for as long as the policy says, and no longer.
func TestTheVersionComesBackLater(t *testing.T) {
	const came = "shop/checkout v2 came back after it was rolled back"
	for _, tc := range []struct {
		name    string
		after   time.Duration
		restart bool
		told    bool
	}{
		{name: "soon", after: 30 * time.Minute, told: true},
		{name: "soon, to another process", after: 30 * time.Minute, restart: true, told: true},
		{name: "late", after: 61 * time.Minute},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				p := w.run(guardingForAnHour)
				require.NoError(t, p.Accept(t.Context(), w.document()))
				ended := w.await(p, RolledBack)
				synctest.Wait()
				if tc.restart {
					p.stop()
					p = w.run(guardingForAnHour)
				}
				time.Sleep(tc.after)
				w.putBack("v2")
				time.Sleep(time.Hour)
				require.Len(t, w.patched(), 1)
				require.Equal(t, tc.told, slices.Contains(w.told(), came))
				require.LessOrEqual(t, strings.Count(strings.Join(w.told(), "\n"), came), 1)
				kept, _ := p.Get(ended.Key)
				require.Equal(t, tc.told, kept.CameBack != nil)
				require.Zero(t, p.guarding())
			})
		})
	}
}

func guardingForAnHour(o *Options) { o.Policies[0].Verify.GuardFor = time.Hour }

// A cache that lags behind shows the release after the rollback: that is no comeback.
func TestALaggingCacheIsNoComeback(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run(guardingForAnHour)
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.await(p, RolledBack)
		w.mu.Lock()
		before := clusterShows("v2")
		w.lag = &before
		w.mu.Unlock()
		time.Sleep(time.Minute)
		require.NotContains(t, strings.Join(w.told(), "\n"), "came back")
	})
}

// The same containers, deployed once more after a rollback, are not rolled back without a person.
func TestWhatWasRolledBackBeforeIsForAPersonToSay(t *testing.T) {
	s := newStory(t)
	past := []rollback.PastWatch{{Template: podTemplate("v2+then"), T0: start.Add(-2 * time.Hour), Bad: true, RolledBackAt: start.Add(-time.Hour)}}
	require.Equal(t, "pinned >Watching refusal=came-back rollout", summary(s.feed(observed{snapshot: clusterShows("v2"), past: past}, start)))
	s.play(`
		1s  | baseline 10000 | baseline                                       | Watching
		30s | ticks bad 25s  | tick INSUFFICIENT tick*4                       | Watching
		35s | ticks bad 30s  | tick                                           | Watching open-incident
		35s | incident i1    | REGRESSED >Regressed refusal=came-back >AwaitingApproval | AwaitingApproval
		36s | ana approve    | control=approve                                | AwaitingApproval plan
		36s | plan v2        | plan intent >RollingBack                       | RollingBack apply
	`)
	severity, title := announcement(AwaitingApproval, s.watch)
	require.Equal(t, notifier.Page, severity, title)
}

// A comeback ends the check of the rollback, also if the process is killed before it has said so.
func TestAComebackEndsTheCheck(t *testing.T) {
	for _, lost := range []int{0, 1} {
		s := newStory(t)
		s.play(landed + `45s | see v2 | cameBack >RolledBackUnverified | RolledBackUnverified`)
		if lost > 0 {
			s.killed(lost)
			s.play(`46s | see v1 | >RolledBackUnverified | RolledBackUnverified`)
		}
		require.Contains(t, s.watch.Reason, "came back")
	}
}

// The process is killed at every call while it holds an owner: the owner is held whenever the rollback is in place, the
// rollback is made once, and what is held is let go.
func TestKilledAtEveryCallWhileHolding(t *testing.T) {
	boundaries := 0
	play := func(t *testing.T, n int) {
		inBubble(t, func(t *testing.T, w *world) {
			w.ownedByArgo(rollback.GitOpsHold)
			boundaries = w.killedAt(n, time.Second)
			require.Equal(t, w.patched()[0], w.heldBy())
			require.Contains(t, w.phases(), incident.HoldPlaced)
		})
	}
	play(t, 0)
	last := boundaries
	for n := 1; n <= last; n++ {
		play(t, n)
	}
}
