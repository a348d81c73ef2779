package watch

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/internal/measure"
)

// Metrics counts what the watches do.
type Metrics struct {
	ticks     *prometheus.CounterVec
	states    *prometheus.CounterVec
	rollbacks *prometheus.CounterVec
	refusals  *prometheus.CounterVec
	samples   *prometheus.CounterVec
	failures  *prometheus.CounterVec
	damaged   *prometheus.CounterVec
	pauses    *prometheus.CounterVec
	lost      prometheus.Counter
	tickLag   prometheus.Histogram
	course    course
	appends   *prometheus.HistogramVec
}

// NewMetrics registers the metrics.
func NewMetrics(r prometheus.Registerer) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "rollbackd", Name: name, Help: help}, labels)
		r.MustRegister(c)
		return c
	}
	m := &Metrics{
		ticks:     counter("ticks_total", "Ticks judged, by the phase of the watch.", "phase"),
		states:    counter("watch_transitions_total", "Changes of a watch's state, by the state reached.", "state"),
		rollbacks: counter("rollbacks_total", "Rollbacks tried, by their result.", "result"),
		refusals:  counter("rollback_refusals_total", "Rollbacks refused or held, by the reason's code.", "code"),
		samples:   counter("prometheus_queries_total", "Batches of signals asked of Prometheus, by result.", "result"),
		failures:  counter("effect_failures_total", "Steps that failed and were tried again, by step.", "step"),
		pauses:    counter("rollout_pauses_total", "Rollouts that were to be paused on suspicion, by the result.", "result"),
		damaged:   counter("unreadable_records_total", "Stored records that could not be read and were passed over, by kind.", "kind"),
		tickLag: prometheus.NewHistogram(measure.Seconds("rollbackd_tick_lag_seconds", "Time from the end of a tick to its measurement.",
			1, 2.5, 5, 7.5, 10, 15, 30, 60, 120, 300, 600)),
		appends: prometheus.NewHistogramVec(measure.Seconds("rollbackd_journal_append_duration_seconds",
			"How long it took to append an entry to a watch's journal, by result: ok, fenced (another replica was first), too-large or error.",
			measure.Calls()...), []string{"result"}),
		course: newCourse(r),
	}
	m.lost = prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: "rollbackd", Name: "lost_watches_total",
		Help: "Watches that were open, by the mark of their workload, and that NATS knows nothing of any more.",
	})
	r.MustRegister(m.tickLag, m.lost, m.appends)
	m.start()
	return m
}

func (m *Metrics) entry(e incident.Entry) {
	switch e.Kind {
	case incident.KindTick:
		m.ticks.WithLabelValues(string(e.Tick.Phase)).Inc()
	case incident.KindState:
		m.states.WithLabelValues(e.State.To).Inc()
	case incident.KindOutcome:
		m.rollbacks.WithLabelValues(string(e.Outcome.Result)).Inc()
	case incident.KindPaused:
		m.pauses.WithLabelValues(string(e.Paused.Result)).Inc()
	case incident.KindRefusal:
		m.refusals.WithLabelValues(string(e.Refusal.Code)).Inc()
	}
}

func (m *Metrics) sampled(err error) {
	result := "ok"
	if err != nil {
		result = "error"
	}
	m.samples.WithLabelValues(result).Inc()
}

func (m *Metrics) watchLost() { m.lost.Inc() }

func (m *Metrics) lag(d time.Duration) { m.tickLag.Observe(d.Seconds()) }

func (m *Metrics) unreadable(kind string) { m.damaged.WithLabelValues(kind).Inc() }

func (m *Metrics) effectFailed(e effect) { m.failures.WithLabelValues(string(e)).Inc() }

// watchCounts shows how many watches are in each state at the time of the scrape.
type watchCounts struct {
	supervisor *Supervisor
	desc       *prometheus.Desc
}

// Collector returns the gauge rollbackd_watches, which counts the watches by state.
func (s *Supervisor) Collector() prometheus.Collector {
	return watchCounts{supervisor: s, desc: prometheus.NewDesc("rollbackd_watches", "Watches known, by state.", []string{"state"}, nil)}
}

// Describe implements prometheus.Collector.
func (c watchCounts) Describe(ch chan<- *prometheus.Desc) { ch <- c.desc }

// Collect implements prometheus.Collector.
func (c watchCounts) Collect(ch chan<- prometheus.Metric) {
	counts := c.supervisor.countStates()
	for _, state := range allStates() { // those that no watch is in, too: whoever sums them up must not find nothing
		ch <- prometheus.MustNewConstMetric(c.desc, prometheus.GaugeValue, float64(counts[state]), string(state))
	}
}
