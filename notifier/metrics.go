package notifier

import "github.com/prometheus/client_golang/prometheus"

// The results that a notice can come to at one sink.
const (
	resultSent    = "sent"
	resultFailed  = "failed"
	resultDropped = "dropped"
)

// metrics counts what became of notices.
type metrics struct {
	total *prometheus.CounterVec
}

func newMetrics() metrics {
	return metrics{total: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "rollbackd_notifications_total",
		Help: "Notices by sink and by what became of them: sent, failed or dropped.",
	}, []string{"sink", "result"})}
}

// start makes a sink's counters exist at zero, so that rate() sees the first failure.
func (m metrics) start(sink string) {
	for _, result := range []string{resultSent, resultFailed, resultDropped} {
		m.total.WithLabelValues(sink, result)
	}
}

func (m metrics) count(sink, result string) { m.total.WithLabelValues(sink, result).Inc() }
