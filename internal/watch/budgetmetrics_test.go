package watch

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/rollback"
)

func TestBudgetGauges(t *testing.T) {
	s, all := crowdOf(6, Budget{4, time.Hour})
	recently := time.Now().Add(-time.Minute)
	for i, edit := range []func(*Watch){
		func(w *Watch) { w.State = RollingBack },
		func(w *Watch) { w.State, w.LandedAt = Verifying, recently },
		func(w *Watch) { w.State, w.LandedAt, w.Event.Namespace = Verifying, recently, "blog" },
		func(w *Watch) { w.State, w.LandedAt, w.ByPerson = Verifying, recently, true },
		func(w *Watch) { w.State, w.LandedAt = Verifying, recently.Add(-time.Hour) },
		func(w *Watch) {
			w.State, w.refusal = AwaitingApproval, &rollback.Refusal{Code: rollback.RefuseBudget}
		},
	} {
		edit(&all[i].watch)
		all[i].publish()
	}
	require.NoError(t, testutil.CollectAndCompare(s.BudgetCollector(), strings.NewReader(`
# HELP rollbackd_budget_limit Automatic rollbacks that a budget allows; a policy may have another one for its namespaces.
# TYPE rollbackd_budget_limit gauge
rollbackd_budget_limit{budget="cluster"} 4
rollbackd_budget_limit{budget="namespace"} 1000
# HELP rollbackd_budget_used Automatic rollbacks that count for a budget now, of the cluster, and of each namespace that has any.
# TYPE rollbackd_budget_used gauge
rollbackd_budget_used{budget="cluster",namespace=""} 3
rollbackd_budget_used{budget="namespace",namespace="blog"} 1
rollbackd_budget_used{budget="namespace",namespace="shop"} 2
# HELP rollbackd_budget_waiting Bad releases that wait for a person because a budget is spent.
# TYPE rollbackd_budget_waiting gauge
rollbackd_budget_waiting 1
`)))
}
