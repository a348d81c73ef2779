package watch

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/rollback"
)

func ago(d time.Duration) time.Time { return start.Add(-d) }

// rolledBack is an act of a workload of a namespace that landed a while ago; a negative while says that it is under way.
func rolledBack(namespace, workload string, since time.Duration) act {
	a := act{watch: fmt.Sprintf("%s/%s at %s", namespace, workload, since), namespace: namespace, changes: "Deployment " + namespace + "/" + workload}
	if since >= 0 {
		a.landed = ago(since)
	}
	return a
}

func byPerson(a act) act { a.byPerson = true; return a }

func TestBudgets(t *testing.T) {
	const underWay = -1
	budgets := Budgets{Workload: Budget{2, 24 * time.Hour}, Namespace: Budget{3, time.Hour}, Cluster: Budget{4, 30 * time.Minute}}
	next := rolledBack("shop", "checkout", underWay)
	for _, tc := range []struct {
		name string
		acts []act
		says string // empty where there is room
	}{
		{"nothing has been rolled back", nil, ""},
		{"the workload's is spent", []act{rolledBack("shop", "checkout", 23*time.Hour), rolledBack("shop", "checkout", 2*time.Hour)},
			"the budget of Deployment shop/checkout is spent: 2 automatic rollbacks since 2026-11-21T11:00:00Z, of at most 2 within 24h0m0s; there is room again at 2026-11-22T11:00:00Z"},
		{"the workload's has room again", []act{rolledBack("shop", "checkout", 24*time.Hour), rolledBack("shop", "checkout", 2*time.Hour)}, ""},
		{"another workload's counts for itself", []act{rolledBack("shop", "cart", 3*time.Hour), rolledBack("shop", "cart", 2*time.Hour)}, ""},
		{"a workload of the same name elsewhere counts for itself", []act{rolledBack("blog", "checkout", 3*time.Hour), rolledBack("blog", "checkout", 2*time.Hour)}, ""},
		{"the namespace's is spent", []act{rolledBack("shop", "a", 59*time.Minute), rolledBack("shop", "b", 50*time.Minute), rolledBack("shop", "c", 40*time.Minute)},
			"the budget of namespace shop is spent: 3 automatic rollbacks since 2026-11-22T09:01:00Z, of at most 3 within 1h0m0s; there is room again at 2026-11-22T10:01:00Z"},
		{"those under way count", []act{rolledBack("shop", "a", underWay), rolledBack("shop", "b", underWay), rolledBack("shop", "c", underWay)},
			"the budget of namespace shop is spent: 3 automatic rollbacks since 2026-11-22T10:00:00Z, of at most 3 within 1h0m0s; there is room again at 2026-11-22T11:00:00Z"},
		{"there is room again when enough of those that are too many have aged", []act{rolledBack("shop", "a", 59*time.Minute), rolledBack("shop", "b", 50*time.Minute),
			rolledBack("shop", "c", 40*time.Minute), rolledBack("shop", "d", 35*time.Minute)},
			"the budget of namespace shop is spent: 4 automatic rollbacks since 2026-11-22T09:01:00Z, of at most 3 within 1h0m0s; there is room again at 2026-11-22T10:10:00Z"},
		{"the cluster's is spent", []act{rolledBack("a", "a", 29*time.Minute), rolledBack("b", "b", 5*time.Minute), rolledBack("shop", "c", 4*time.Minute), rolledBack("d", "d", underWay)},
			"the budget of the cluster is spent: 4 automatic rollbacks since 2026-11-22T09:31:00Z, of at most 4 within 30m0s; there is room again at 2026-11-22T10:01:00Z"},
		{"what people did does not count", []act{byPerson(rolledBack("shop", "checkout", time.Minute)), byPerson(rolledBack("shop", "checkout", underWay)),
			byPerson(rolledBack("shop", "a", time.Minute)), byPerson(rolledBack("shop", "b", time.Minute)), rolledBack("shop", "c", time.Minute)}, ""},
		{"a clock that was ahead counts", []act{rolledBack("shop", "a", 0), {watch: "x", namespace: "shop", landed: start.Add(time.Minute)}, rolledBack("shop", "b", 0)},
			"the budget of namespace shop is spent: 3 automatic rollbacks since 2026-11-22T10:00:00Z, of at most 3 within 1h0m0s; there is room again at 2026-11-22T11:00:00Z"},
		{"the watch itself does not count", []act{next, rolledBack("shop", "checkout", 2*time.Hour)}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := budgets.spent(tc.acts, next, start)
			if tc.says == "" {
				require.Nil(t, r)
				return
			}
			require.NotNil(t, r)
			require.Equal(t, rollback.Refusal{Code: rollback.RefuseBudget, Reason: tc.says}, *r)
			require.True(t, r.Asks())
		})
	}
}

func TestCoolDown(t *testing.T) {
	next := rolledBack("shop", "checkout", -1)
	for _, tc := range []struct {
		name     string
		coolDown time.Duration
		acts     []act
		until    string
	}{
		{"it has never been rolled back", 10 * time.Minute, nil, ""},
		{"it was a moment ago", 10 * time.Minute, []act{rolledBack("shop", "checkout", time.Hour), rolledBack("shop", "checkout", 9*time.Minute)}, "2026-11-22T10:01:00Z"},
		{"it was, by a person's word", 10 * time.Minute, []act{byPerson(rolledBack("shop", "checkout", 9*time.Minute))}, "2026-11-22T10:01:00Z"},
		{"it is over", 10 * time.Minute, []act{rolledBack("shop", "checkout", 10*time.Minute)}, ""},
		{"another was", 10 * time.Minute, []act{rolledBack("shop", "cart", time.Minute)}, ""},
		{"another one of it is under way", 10 * time.Minute, []act{{watch: "other", changes: next.changes}}, "2026-11-22T10:10:00Z"},
		{"there is none", 0, []act{rolledBack("shop", "checkout", 0)}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := coolingDown(tc.coolDown, tc.acts, next, start)
			if tc.until == "" {
				require.Nil(t, r)
				return
			}
			require.NotNil(t, r)
			require.Equal(t, rollback.RefuseCoolDown, r.Code)
			require.Contains(t, r.Reason, "the next one without a person may be at "+tc.until)
			require.True(t, r.Asks())
		})
	}
}

// What a watch changes is what counts: of a switch that is the Service, whichever colour is at fault.
func TestWhatAWatchHasDone(t *testing.T) {
	w := newTestWatch()
	_, ok := w.act()
	require.False(t, ok)

	w.State = RollingBack
	a, ok := w.act()
	require.True(t, ok)
	require.Equal(t, act{watch: w.Key, namespace: "shop", changes: "Deployment shop/checkout"}, a)

	w.State, w.LandedAt, w.ByPerson, w.Event.Service = RolledBack, start, true, "front"
	a, ok = w.act()
	require.True(t, ok)
	require.Equal(t, act{watch: w.Key, namespace: "shop", changes: "Service shop/front", landed: start, byPerson: true}, a)

	w = newTestWatch(func(w *Watch) { w.State = Regressed })
	_, ok = w.act()
	require.True(t, ok, "its journal may hold an intent that its picture does not show")
	w.resumed = start
	_, ok = w.act()
	require.False(t, ok)
}

// crowdOf returns a supervisor of n watches, each of its own workload, that are about to roll back.
func crowdOf(n int, budget Budget) (*Supervisor, []*actor) {
	s := New(Options{Budgets: Budgets{Cluster: budget, Namespace: Budget{1000, time.Hour}}})
	var all []*actor
	for i := range n {
		a := &actor{Supervisor: s, watch: newTestWatch(func(w *Watch) {
			w.Key, w.Event.Workload, w.State, w.resumed = fmt.Sprint(i), fmt.Sprintf("w%d", i), Regressed, start
		})}
		a.publish()
		s.actors[a.watch.Key] = a
		all = append(all, a)
	}
	return s, all
}

// In any order of what n watches do, and wherever one of them is refused, fails, is killed before its intent is stored or
// ends: there are never more automatic rollbacks within the budget's time than the budget has.
func TestNoInterleavingOverspends(t *testing.T) {
	refused, spent := 0, 0
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 2))
		budget := Budget{1 + r.IntN(4), 10 * time.Minute}
		s, all := crowdOf(12, budget)
		holds := map[*actor]bool{}
		now := start
		for range 300 {
			now = now.Add(time.Duration(r.IntN(20)) * time.Second)
			a := all[r.IntN(len(all))]
			become := func(state State, landed time.Time) {
				a.watch.State, a.watch.LandedAt = state, landed
				a.publish()
			}
			switch w := a.watch; {
			case w.State == Regressed && !holds[a]:
				holds[a] = s.reserve(w, now) == nil
				if !holds[a] {
					refused++
				}
			case w.State == Regressed && r.IntN(3) == 0: // the plan came to nothing
				s.giveBack(w.Key)
				holds[a] = false
			case w.State == Regressed: // the intent is journalled
				become(RollingBack, time.Time{})
				if r.IntN(2) == 0 {
					s.giveBack(w.Key)
				}
			case w.State == RollingBack && r.IntN(4) == 0:
				s.giveBack(w.Key)
				become(Failed, time.Time{})
			case w.State == RollingBack:
				s.giveBack(w.Key)
				become(Verifying, now)
			case w.State == Verifying && r.IntN(2) == 0:
				s.mu.Lock()
				a.watch.State = RolledBack
				delete(s.actors, w.Key)
				s.ended[w.Key] = a.watch.epitome()
				s.mu.Unlock()
			}
			n := 0
			for _, a := range all {
				if a.watch.State == RollingBack || !a.watch.LandedAt.IsZero() && now.Sub(a.watch.LandedAt) < budget.Within {
					n++
				}
			}
			require.LessOrEqual(t, n, budget.Rollbacks, "seed %d at %s", seed, now)
			if n == budget.Rollbacks {
				spent++
			}
		}
	}
	require.NotZero(t, refused)
	require.NotZero(t, spent, "the budget was never spent, so that nothing is shown of it")
}

// The same side by side, for the race detector.
func TestWatchesThatReserveAtTheSameMoment(t *testing.T) {
	s, all := crowdOf(50, Budget{7, time.Hour})
	var running sync.WaitGroup
	for _, a := range all {
		running.Go(func() {
			if s.reserve(a.watch, start) == nil {
				a.watch.State = RollingBack
				a.publish()
			}
			s.giveBack(a.watch.Key)
		})
	}
	running.Wait()
	n := 0
	for _, a := range all {
		if a.watch.State == RollingBack {
			n++
		}
	}
	require.Equal(t, 7, n)
	require.Empty(t, s.reserved.held)
}

// A watch asks by the policy that it started with, and for the cluster by the daemon's; what neither says is the default.
func TestWhoseBudgets(t *testing.T) {
	s := New(Options{Budgets: Budgets{Cluster: Budget{20, time.Hour}, Namespace: Budget{6, time.Hour}}})
	own := Policy{Budgets: Budgets{Namespace: Budget{9, time.Hour}, Cluster: Budget{1000, time.Hour}}}
	require.Equal(t, Budgets{Workload: DefaultBudgets().Workload, Namespace: Budget{9, time.Hour}, Cluster: Budget{20, time.Hour}}, s.budgetsOf(own))
	require.Equal(t, Budgets{Workload: DefaultBudgets().Workload, Namespace: Budget{6, time.Hour}, Cluster: Budget{20, time.Hour}}, s.budgetsOf(Policy{}))
}

// From the moment at which a rollback has landed no state leads back to one: there is at most one a watch.
func TestAtMostOneRollbackAWatch(t *testing.T) {
	reached := map[State]bool{}
	for todo := transitions()[Verifying]; len(todo) > 0; todo = todo[1:] {
		if !reached[todo[0]] {
			reached[todo[0]] = true
			todo = append(todo, transitions()[todo[0]]...)
		}
	}
	for _, s := range []State{Pending, Watching, Regressed, AwaitingApproval, RollingBack} {
		require.False(t, reached[s], "%s can be reached after a rollback", s)
	}
	require.True(t, reached[RolledBack] && reached[NotRecovered] && reached[Failed])
}

func TestFreezesThatMatch(t *testing.T) {
	year := Freeze{Match: []Match{{Namespace: "shop"}}}
	year.Name, year.From, year.Until = "year-end", start, start.Add(time.Hour)
	all := []Freeze{year}
	target := event.Target{Environment: "production", Namespace: "shop", Workload: "checkout"}
	p, ok := frozen(all, target, start)
	require.True(t, ok)
	require.Equal(t, "year-end", p.Name)
	_, ok = frozen(all, target, start.Add(time.Hour))
	require.False(t, ok)
	target.Namespace = "blog"
	_, ok = frozen(all, target, start)
	require.False(t, ok)
}
