package app

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// readyGauge shows as a metric what /-/ready answers, part by part. It outlives the terms of a leader.
type readyGauge struct{ now atomic.Pointer[readiness] }

var _ prometheus.Collector = (*readyGauge)(nil)

// startup is the part that is ready once the daemon has read what it knows.
const startup = "startup"

// become has the gauge show another readiness.
func (g *readyGauge) become(r *readiness) { g.now.Store(r) }

func (*readyGauge) desc() *prometheus.Desc {
	return prometheus.NewDesc("rollbackd_ready",
		"1 for each part of what the daemon needs that is there, else 0, as /-/ready answers. The part startup is ready once the daemon has read what it knows.",
		[]string{"part"}, nil)
}

// Describe implements prometheus.Collector.
func (g *readyGauge) Describe(ch chan<- *prometheus.Desc) { ch <- g.desc() }

// Collect implements prometheus.Collector.
func (g *readyGauge) Collect(ch chan<- prometheus.Metric) {
	show := func(part string, ready bool) {
		value := 0.0
		if ready {
			value = 1
		}
		ch <- prometheus.MustNewConstMetric(g.desc(), prometheus.GaugeValue, value, part)
	}
	r := g.now.Load()
	show(startup, r != nil)
	if r == nil {
		return
	}
	for part, err := range r.results() {
		show(part, err == nil)
	}
}
