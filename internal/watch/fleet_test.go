package watch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/notifier"
	"github.com/rollbackd/rollbackd/rollback"
)

// fleet is a world of several workloads, all of which have just been given a bad v2. What outlives a process is the first
// one's.
type fleet struct {
	*world
	names []string
	of    map[string]*world
}

func newFleet(t *testing.T, n int) *fleet {
	f := &fleet{of: map[string]*world{}}
	for i := range n {
		name := fmt.Sprintf("app%d", i)
		f.names, f.of[name] = append(f.names, name), newWorld(t)
	}
	f.world = f.of[f.names[0]]
	return f
}

func (f *fleet) run(edits ...func(*Options)) *process {
	return f.world.run(append([]func(*Options){func(o *Options) {
		o.Cluster, o.Cache = fleetCluster{f, clusterOf{f.world}}, fleetCache{f, cacheOf{f.world}}
	}}, edits...)...)
}

type (
	// fleetCluster leaves to the world of no app what these tests have none of.
	fleetCluster struct {
		*fleet
		Cluster
	}
	fleetCache struct {
		*fleet
		Cache
	}
)

func (f *fleet) named(w rollback.Workload, s rollback.Snapshot) rollback.Snapshot {
	s.Workload = w
	return s
}

func (c fleetCluster) Read(ctx context.Context, w rollback.Workload, sw *rollback.Switch) (rollback.Snapshot, error) {
	if err := c.ask("fleet.read", false); err != nil {
		return rollback.Snapshot{}, err
	}
	s, err := clusterOf{c.of[w.Name]}.Read(ctx, w, sw)
	return c.named(w, s), err
}

func (c fleetCluster) Apply(ctx context.Context, p rollback.Plan, id string) (rollback.Result, string, error) {
	if err := c.ask("fleet.apply", false); err != nil {
		return "", "", err
	}
	return clusterOf{c.of[p.Workload.Name]}.Apply(ctx, p, id)
}

func (c fleetCluster) Inspect(ctx context.Context, pin rollback.Pin, s rollback.Snapshot) (rollback.Snapshot, error) {
	return clusterOf{c.of[s.Workload.Name]}.Inspect(ctx, pin, s)
}

func (c fleetCluster) Landed(ctx context.Context, p rollback.Plan, id string) (bool, error) {
	return clusterOf{c.of[p.Workload.Name]}.Landed(ctx, p, id)
}

func (fleetCache) Watch(rollback.Workload)  {}
func (fleetCache) Forget(rollback.Workload) {}

func (c fleetCache) Cached(w rollback.Workload, sw *rollback.Switch) (rollback.Snapshot, bool) {
	s, ok := cacheOf{c.of[w.Name]}.Cached(w, sw)
	return c.named(w, s), ok
}

// announce has every workload's v2 accepted.
func (f *fleet) announce(p *process) {
	f.t.Helper()
	for _, name := range f.names {
		doc := published(f.t0, `"checkout"`, `"`+name+`"`)
		doc.Subject = "deployments.production.shop." + name
		require.NoError(f.t, p.Accept(f.t.Context(), doc))
	}
}

// rolledBack counts the workloads that were patched.
func (f *fleet) rolledBack() int {
	n := 0
	for _, w := range f.of {
		n += len(w.patched())
	}
	return n
}

// states counts the watches by state.
func states(p *process) map[State]int {
	out := map[State]int{}
	for _, w := range p.Watches() {
		out[w.State]++
	}
	return out
}

// settles lets time pass until no watch is on its way any more.
func (f *fleet) settles(p *process) map[State]int {
	f.t.Helper()
	for range 4000 {
		now := states(p)
		if now[Pending]+now[Watching]+now[Regressed]+now[RollingBack]+now[Verifying] == 0 {
			return now
		}
		time.Sleep(250 * time.Millisecond)
	}
	f.t.Fatalf("still on their way: %v", states(p))
	return nil
}

// toldTitles counts the notices of a severity whose titles hold some words.
func (w *world) toldTitles(s notifier.Severity, words string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, notice := range w.notices {
		if notice.Severity == s && strings.Contains(notice.Title, words) {
			n++
		}
	}
	return n
}

func namespaceBudget(n int) func(*Options) {
	return func(o *Options) { o.Budgets.Namespace = Budget{Rollbacks: n, Within: time.Hour} }
}

// Five bad releases and a budget of two: two are rolled back, people are paged once about the three that wait, and each of
// these can be approved.
func TestASpentBudgetAsksAPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 5)
		p := f.run(namespaceBudget(2))
		f.announce(p)
		require.Equal(t, map[State]int{RolledBack: 2, AwaitingApproval: 3}, f.settles(p))
		require.Equal(t, 2, f.rolledBack())
		require.Equal(t, 3, f.toldTitles(notifier.Warn, "waits for a person"), "each one's own notice")
		require.Zero(t, f.toldTitles(notifier.Page, "waits for a person"))
		require.Equal(t, 1, f.toldTitles(notifier.Page, "3 bad releases are to be rolled back, and a person must approve"))

		waiting := slices.DeleteFunc(p.Watches(), func(w Watch) bool { return w.State != AwaitingApproval })[0]
		require.Contains(t, waiting.Reason, "the budget of namespace shop is spent: 2 automatic rollbacks since ")
		reply := p.Ask(t.Context(), control.Asked{By: "ana", Verb: control.Approve, Target: waiting.Event.Target(), Request: control.Request{Watch: waiting.Key}})
		require.True(t, reply.OK, reply.Message)
		time.Sleep(2 * time.Minute)
		require.Equal(t, map[State]int{RolledBack: 3, AwaitingApproval: 2}, f.settles(p))
		approved, _ := p.Get(waiting.Key)
		require.True(t, approved.ByPerson)

		p.stop() // the next process counts by what is stored, and tells once more of those that still wait
		p = f.run(namespaceBudget(3))
		time.Sleep(time.Minute)
		require.Nil(t, p.reserve(newTestWatch(), now()), "two count, and the person's does not")
		p.giveBack(newTestWatch().Key)
		require.Equal(t, 1, f.toldTitles(notifier.Page, "2 bad releases are to be rolled back, and a person must approve"))

		time.Sleep(time.Hour)
		require.Equal(t, map[State]int{RolledBack: 3, Held: 2}, states(p))
		require.Equal(t, 1, f.toldTitles(notifier.Page, "2 bad releases are left live: a budget of automatic rollbacks was spent, and nobody approved in time"))
		require.Zero(t, f.toldTitles(notifier.Page, "was not rolled back"))
	})
}

// Whatever fails on the way, and however often the process is killed, no more are rolled back than the budget has, and in the
// end as many as it has.
func TestABudgetOutlivesFailuresAndCrashes(t *testing.T) {
	for seed := range uint64(12) {
		synctest.Test(t, func(t *testing.T) {
			r, fails := rand.New(rand.NewPCG(seed, 3)), rand.New(rand.NewPCG(seed, 4))
			f, budget := newFleet(t, 6), 1+r.IntN(3)
			f.failing(func(call string, _ bool) error {
				switch call {
				case "journal.append", "fleet.apply", "store.put", "fleet.read":
					if fails.IntN(4) == 0 {
						return errors.New("at random")
					}
				}
				return nil
			})
			p := f.run(namespaceBudget(budget))
			f.announceAmidFailures(p)
			for range 3 {
				time.Sleep(20*time.Second + time.Duration(r.IntN(8000))*time.Millisecond)
				p.stop()
				p = f.run(namespaceBudget(budget))
			}
			f.failing(nil)
			f.settles(p)
			require.Equal(t, budget, f.rolledBack(), "seed %d: %v", seed, states(p))
		})
	}
}

// announceAmidFailures delivers every event until it is accepted, as the bus does.
func (f *fleet) announceAmidFailures(p *process) {
	f.t.Helper()
	for _, name := range f.names {
		doc := published(f.t0, `"checkout"`, `"`+name+`"`)
		doc.Subject = "deployments.production.shop." + name
		for p.Accept(f.t.Context(), doc) != nil {
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// A workload that was rolled back a moment ago is not rolled back again without a person.
func TestAWorkloadCoolsDown(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run(func(o *Options) { o.Policies[0].CoolDown = 10 * time.Minute })
		require.NoError(t, p.Accept(t.Context(), w.document()))
		first := w.await(p, RolledBack)
		require.Nil(t, p.reserve(Watch{Key: "other", Policy: p.opts.Policies[0], Event: event.Event{Namespace: "shop", Workload: "cart"}}, now()))
		again := Watch{Key: "again", Policy: p.opts.Policies[0], Event: first.Event}
		r := p.reserve(again, now())
		require.NotNil(t, r)
		require.Equal(t, rollback.RefuseCoolDown, r.Code)
		require.Nil(t, p.reserve(again, first.LandedAt.Add(10*time.Minute)))
	})
}

// A newer version that is only announced protects nobody; one that is being rolled out is not touched.
func TestANewerEventDoesNotProtectABadRelease(t *testing.T) {
	newer := []string{`"d1"`, `"d2"`, `"version":"v2"`, `"version":"v3","status":"started"`}
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		w.settledOn(p, "d1")
		require.NoError(t, p.Accept(t.Context(), w.document(newer...)))
		w.ends(p, "d1", RolledBack)
		require.Len(t, w.patched(), 1)
	})
	for name, call := range map[string]string{"before the plan": "cluster.read", "between plan and patch": "cluster.apply"} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				p := w.run()
				require.NoError(t, p.Accept(t.Context(), w.document()))
				w.settledOn(p, "d1")
				require.NoError(t, p.Accept(t.Context(), w.document(newer...)))
				w.mu.Lock()
				old := w.live
				w.lag = &old // no news of the cluster comes: only what is read at the time can tell
				w.mu.Unlock()
				deployed := false
				w.failing(func(c string, done bool) error {
					if c == call && !done && !deployed && p.state("d1") != Watching {
						deployed = true
						w.deploy("v3", "3")
					}
					return nil
				})
				w.ends(p, "d1", Superseded)
				require.True(t, deployed)
				require.Empty(t, w.patched(), "the newer version stays")
			})
		})
	}
}

// state is that of the watch of an event.
func (p *process) state(id string) State {
	for _, w := range p.Watches() {
		if w.Event.ID == id {
			return w.State
		}
	}
	return ""
}

func (w *world) settledOn(p *process, id string) {
	w.t.Helper()
	for p.state(id) != Watching {
		time.Sleep(100 * time.Millisecond)
	}
}

// ends lets time pass until the watch of an event ends, which must be in a state.
func (w *world) ends(p *process, id string, state State) {
	w.t.Helper()
	for range 4000 {
		if s := p.state(id); s.Final() {
			require.Equal(w.t, state, s)
			return
		}
		time.Sleep(250 * time.Millisecond)
	}
	w.t.Fatalf("the watch of %s is still %s", id, p.state(id))
}

// A watch of the target's release that ends badly after the target was pinned rules it out, for an approval too; a revision
// that a person names is the person's to answer for.
func TestATargetThatTurnsOutBad(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run(func(o *Options) { o.Policies[0].Stages[0].Mode, o.Policies[0].Stages[1].Mode = Approve, Approve })
		require.NoError(t, p.Accept(t.Context(), w.document()))
		waiting := w.await(p, AwaitingApproval)
		require.Equal(t, "v1", waiting.Pin.Target.Version)
		late := newTestWatch(func(o *Watch) { // the event of v1 came late, and its watch held it to be bad
			o.Key, o.Event.ID, o.Event.Version, o.State, o.AcceptedAt = "late", "d0", "v1", Held, now()
			o.Pin = &rollback.Pin{T0: w.t0.Add(-time.Hour), Release: *waiting.Pin.Target}
		})
		p.mu.Lock()
		p.ended[late.Key] = late
		p.mu.Unlock()
		dry := w.asks(p, control.Rollback, control.Request{DryRun: true, ID: "r0"})
		require.Equal(t, control.Code(rollback.RefuseTargetBad), dry.Code, dry.Message)
		reply := w.asks(p, control.Approve, control.Request{Watch: waiting.Key})
		if !reply.OK { // the watch, which plans anew while it waits, has found out before the approval came
			require.Contains(t, reply.Message, "has ended: Held")
		}
		w.ends(p, "d1", Held)
		require.Empty(t, w.patched())
		held, _ := p.Get(waiting.Key)
		require.Contains(t, held.Reason, "v1 (revision 1), the version to go back to, was proven bad itself")

		reply = w.asks(p, control.Rollback, control.Request{ID: "r1", Revision: "1"})
		require.True(t, reply.OK, reply.Message)
		w.ends(p, "rollback-r1", RolledBack)
		require.Len(t, w.patched(), 1)
	})
}

// alwaysFrozen is a freeze that lasts.
func alwaysFrozen(o *Options) {
	var f Freeze
	f.Name, f.From, f.Until = "year-end", now().Add(-time.Hour), now().Add(24*time.Hour)
	o.Freezes = []Freeze{f}
}

// A freeze flags what is deployed in it, but for a hotfix, and keeps nothing bad live unless the policy says so.
func TestADeploymentDuringAFreeze(t *testing.T) {
	for name, tc := range map[string]struct {
		edits []string
		ask   bool
		pages int
		ends  State
	}{
		"is flagged, and rolled back":         {nil, false, 1, RolledBack},
		"of a hotfix is not flagged":          {[]string{`"version":"v2"`, `"version":"v2","hotfix":true`}, false, 0, RolledBack},
		"waits for a person where that is so": {nil, true, 1, AwaitingApproval},
		"of a hotfix waits all the same":      {[]string{`"version":"v2"`, `"version":"v2","hotfix":true`}, true, 0, AwaitingApproval},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				p := w.run(alwaysFrozen, func(o *Options) { o.Policies[0].AskInFreeze = tc.ask })
				require.NoError(t, p.Accept(t.Context(), w.document(tc.edits...)))
				got := w.await(p, tc.ends)
				require.Equal(t, tc.pages, w.toldTitles(notifier.Page, `was deployed during the freeze "year-end"`))
				if tc.ask {
					require.Contains(t, got.Reason, `policy "http" asks a person during the freeze "year-end", which lasts until `)
					require.Equal(t, 1, w.toldTitles(notifier.Page, "waits for a person"))
				}
			})
		})
	}
}
