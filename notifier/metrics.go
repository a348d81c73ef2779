package notifier

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollbackd/rollbackd/internal/measure"
)

// Metrics count what became of notices. One set serves all dispatchers that a process has one after another.
type Metrics struct {
	total, unrouted, retries, refreshes *prometheus.CounterVec
	outbox                              prometheus.Counter
	depth, oldest                       *prometheus.GaugeVec
	duration                            *prometheus.HistogramVec
}

// NewMetrics returns the metrics, registered unless the registerer is nil.
func NewMetrics(r prometheus.Registerer) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"sink"})
	}
	m := &Metrics{
		total:     counter("rollbackd_notifications_total", "Notices by sink and by what became of them: sent, failed (a dead letter) or dropped.", "sink", "result"),
		unrouted:  counter("rollbackd_notifications_unrouted_total", "Notices that no route takes to any sink, by severity.", "severity"),
		retries:   counter("rollbackd_notification_retries_total", "Messages that a sink did not take and that are tried again.", "sink"),
		refreshes: counter("rollbackd_notification_refresh_failures_total", "Times that a sink could not be told again which incidents are open.", "sink"),
		outbox: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "rollbackd_notification_outbox_failures_total", Help: "Times that the outbox could not be read or written; notices are told from memory then.",
		}),
		depth:  gauge("rollbackd_notifications_queued", "Notices that wait for the sink."),
		oldest: gauge("rollbackd_notifications_oldest_timestamp_seconds", "When the oldest notice that waits for the sink was made, in seconds since 1970; 0 if none waits."),
		duration: prometheus.NewHistogramVec(measure.Seconds("rollbackd_notification_duration_seconds", "How long one attempt to tell the sink took.",
			measure.Calls()...), []string{"sink"}),
	}
	if r != nil {
		r.MustRegister(m.total, m.unrouted, m.retries, m.refreshes, m.outbox, m.depth, m.oldest, m.duration)
	}
	return m
}

// start makes a sink's counters exist at zero, so that rate() sees the first failure.
func (m *Metrics) start(sink string) {
	for _, result := range []Result{Sent, Failed, Dropped} {
		m.total.WithLabelValues(sink, string(result))
	}
	for _, s := range Severities() {
		m.unrouted.WithLabelValues(string(s))
	}
	m.retries.WithLabelValues(sink)
	m.refreshes.WithLabelValues(sink)
	m.duration.WithLabelValues(sink)
	m.queued(sink, 0, time.Time{})
}

func (m *Metrics) queued(sink string, depth int, oldest time.Time) {
	m.depth.WithLabelValues(sink).Set(float64(depth))
	seconds := 0.0
	if !oldest.IsZero() {
		seconds = float64(oldest.UnixMilli()) / 1000
	}
	m.oldest.WithLabelValues(sink).Set(seconds)
}
