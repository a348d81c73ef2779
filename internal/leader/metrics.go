package leader

import "github.com/prometheus/client_golang/prometheus"

// Gauge registers rollbackd_leader, which is 1 while this process does what only one may do, and else 0.
func Gauge(r prometheus.Registerer) prometheus.Gauge {
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: "rollbackd", Name: "leader", Help: "1 while this replica leads: it alone consumes, measures and acts.",
	})
	r.MustRegister(g)
	return g
}

// Transitions registers rollbackd_leader_transitions_total, which counts how often the lease went from one replica to another, as
// this process saw it. A daemon that runs alone has it at zero.
func Transitions(r prometheus.Registerer) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: "rollbackd", Name: "leader_transitions_total", Help: "Times that this replica saw the lead go from one replica to another.",
	})
	r.MustRegister(c)
	return c
}
