package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/watch"
)

// TestASpentBudgetAsksAPerson: five releases of a namespace are bad at once, and its budget is two. Two are rolled back, three
// wait, people are paged once about these, and one that a person approves is rolled back too.
func TestASpentBudgetAsksAPerson(t *testing.T) {
	const many = 5
	w := onStack(t)
	d := newDaemon(t, w, func(s *settings) {
		s.MinBreach, s.Active = 4*time.Second, 10*time.Minute
		s.Budgets = "{namespace: {rollbacks: 2, within: 1h}}"
	})
	all := manyBad(t, w, d, many)

	decided := func(v watch.View) bool { return v.State == watch.RolledBack || v.State == watch.AwaitingApproval }
	var waiting []watch.View
	for _, s := range all {
		v := d.await(s.Name, 90*time.Second, "decided", func(v watch.View) bool { return v.Final || decided(v) })
		require.True(t, decided(v), "%s: %s", v.State, v.Reason)
		if v.State == watch.AwaitingApproval {
			require.Contains(t, v.Reason, fmt.Sprintf("the budget of namespace %s is spent: 2 automatic rollbacks since ", s.Namespace))
			waiting = append(waiting, v)
		}
	}
	require.Len(t, waiting, 3)
	require.Equal(t, 2, patched(all))
	const page = "3 bad releases are to be rolled back, and a person must approve: a budget of automatic rollbacks is spent"
	eventually(t, 30*time.Second, func() (bool, string) { return strings.Contains(d.logged(), page), "nobody was paged" })

	require.Contains(t, d.approve(waiting[0].ID, "--env", "production"), "is approved and begins")
	d.awaitState(waiting[0].EventID, 60*time.Second, watch.RolledBack)
	require.Equal(t, 3, patched(all))
	require.Equal(t, 1, strings.Count(d.logged(), "a person must approve"), "pages")
	_, metrics, err := d.get("/metrics")
	require.NoError(t, err)
	for _, line := range []string{
		fmt.Sprintf(`rollbackd_budget_used{budget="namespace",namespace=%q} 2`, all[0].Namespace),
		`rollbackd_budget_limit{budget="namespace"} 2`, "rollbackd_budget_waiting 2", `rollbackd_rollback_refusals_total{code="budget"} 3`,
	} {
		require.Contains(t, metrics, line+"\n")
	}
}

// patched counts the changes that rollbackd made to the services.
func patched(all []*service) int {
	n := 0
	for _, s := range all {
		n += len(s.rollbacks())
	}
	return n
}
