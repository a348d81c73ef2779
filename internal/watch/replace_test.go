package watch

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A watch keeps the policy that it began with when others take its place, over a restart too; the next deployment gets the new one.
func TestAReplacedPolicyIsForNewWatches(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.errorsIn = 0
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		first := w.await(p, Watching)
		require.Equal(t, testPolicy().Name, first.Policy.Name)

		next := testPolicy()
		next.Name = "next"
		p.Replace(Rules{Policies: []Policy{next}})
		require.NoError(t, p.Accept(t.Context(), w.document(`"d1"`, `"d2"`)))
		settle(time.Second)
		kept, ok := p.Get(first.Key)
		require.True(t, ok)
		require.Equal(t, testPolicy().Name, kept.Policy.Name)
		require.Equal(t, "next", policyOfEvent(t, p, "d2"))

		p.stop()
		again := w.run(func(o *Options) { o.Policies = []Policy{next} })
		kept, ok = again.Get(first.Key)
		require.True(t, ok)
		require.Equal(t, testPolicy().Name, kept.Policy.Name)
	})
}

func policyOfEvent(t *testing.T, p *process, id string) string {
	t.Helper()
	for _, w := range p.Watches() {
		if w.Event.ID == id {
			return w.Policy.Name
		}
	}
	t.Fatalf("there is no watch of event %s", id)
	return ""
}

// The rules may be replaced in the middle of a rollback, again and again: it is made once, by the policy that the watch began with.
func TestRulesAreReplacedInMidRollback(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		observing := testPolicy()
		for i := range observing.Stages {
			observing.Stages[i].Mode = Observe
		}
		var replaced atomic.Int64
		w.failing(func(string, bool) error {
			replaced.Add(1)
			p.Replace(Rules{Policies: []Policy{observing}, Budgets: DefaultBudgets()})
			return nil
		})
		w.await(p, RolledBack)
		require.Greater(t, replaced.Load(), int64(10))
		require.Len(t, w.patched(), 1)
	})
}

// The cluster's budget is not the policy's: one that is replaced holds for the watches that run.
func TestAReplacedBudgetHoldsAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run()
		wanted := Budget{Rollbacks: 1, Within: time.Hour}
		p.Replace(Rules{Policies: []Policy{testPolicy()}, Budgets: Budgets{Cluster: wanted}})
		require.Equal(t, wanted, p.budgetsOf(testPolicy()).Cluster)
		require.Equal(t, DefaultBudgets().Workload, p.budgetsOf(testPolicy()).Workload)
	})
}

// Once a policy has unannounced deployments watched, the feed begins to tell of them, and ends once none does.
func TestTheFeedFollowsThePolicies(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		f := newFeed()
		p := w.run(lookingOut(f, false))
		settle(time.Second)
		require.Empty(t, f.namespaces)
		wants := testPolicy()
		wants.Unannounced, wants.AnnounceWithin = true, 30*time.Second
		p.Replace(Rules{Policies: []Policy{wants}})
		settle(time.Second)
		require.Equal(t, []string{""}, f.namespaces)
		f.changed()
		w.await(p, Watching)
		p.Replace(Rules{Policies: []Policy{testPolicy()}})
		settle(time.Second)
		f.changed()
		settle(time.Second)
		require.Len(t, f.changes, 1, "nobody listens any more")
	})
}
