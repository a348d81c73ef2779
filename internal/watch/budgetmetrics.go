package watch

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// budgetGauges show at the time of the scrape how far the budgets are spent.
type budgetGauges struct {
	supervisor           *Supervisor
	used, limit, waiting *prometheus.Desc
}

// BudgetCollector returns the gauges of the budgets of the cluster and of the namespaces, by the daemon's own limits, and of
// how many releases wait because a budget is spent. A workload's own budget has none: there would be one for each.
func (s *Supervisor) BudgetCollector() prometheus.Collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("rollbackd_budget_"+name, help, labels, nil)
	}
	return budgetGauges{
		supervisor: s,
		used: desc("used", "Automatic rollbacks that count for a budget now, of the cluster, and of each namespace that has any.",
			"budget", "namespace"),
		limit:   desc("limit", "Automatic rollbacks that a budget allows; a policy may have another one for its namespaces.", "budget"),
		waiting: desc("waiting", "Bad releases that wait for a person because a budget is spent."),
	}
}

// Describe implements prometheus.Collector.
func (g budgetGauges) Describe(ch chan<- *prometheus.Desc) {
	ch <- g.used
	ch <- g.limit
	ch <- g.waiting
}

// Collect implements prometheus.Collector.
func (g budgetGauges) Collect(ch chan<- prometheus.Metric) {
	show := func(d *prometheus.Desc, n int, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), labels...)
	}
	s, now := g.supervisor, time.Now()
	budgets := s.budgetsOf(Policy{})
	s.reserved.mu.Lock()
	acts := s.acts()
	s.reserved.mu.Unlock()
	cluster, namespaces := 0, map[string]int{}
	for _, a := range acts {
		if a.counts(budgets.Cluster, now) {
			cluster++
		}
		if a.counts(budgets.Namespace, now) {
			namespaces[a.namespace]++
		}
	}
	show(g.used, cluster, "cluster", "")
	for name, n := range namespaces {
		show(g.used, n, "namespace", name)
	}
	show(g.limit, budgets.Cluster.Rollbacks, "cluster")
	show(g.limit, budgets.Namespace.Rollbacks, "namespace")
	waiting := 0
	for _, a := range s.open() {
		if w := a.view.Load(); w.State == AwaitingApproval && w.crowded() {
			waiting++
		}
	}
	show(g.waiting, waiting)
}
