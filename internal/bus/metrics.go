package bus

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollbackd/rollbackd/internal/event"
)

// The results that rollbackd_events_total counts.
const (
	resultAccepted = "accepted"
	resultRejected = "rejected"
	resultRetried  = "retried"
	resultIgnored  = "ignored"
)

func eventCounter(registerer prometheus.Registerer) (*prometheus.CounterVec, error) {
	counter := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "rollbackd_events_total",
		Help: "Deployment events by what became of them; code says why an event was rejected or ignored.",
	}, []string{"result", "code"})
	counter, err := registered(registerer, counter)
	if err != nil {
		return nil, err
	}
	// All exist from the start, so that increase() sees the first of each.
	counter.WithLabelValues(resultAccepted, "")
	counter.WithLabelValues(resultRetried, "")
	for _, code := range event.Codes() {
		if code == event.CodeNotADeployment {
			counter.WithLabelValues(resultIgnored, string(code))
			continue
		}
		counter.WithLabelValues(resultRejected, string(code))
	}
	return counter, nil
}

// registered returns the collector that has this name: one process opens a bus for each of its terms.
func registered[C prometheus.Collector](registerer prometheus.Registerer, c C) (C, error) {
	if registerer == nil {
		return c, nil
	}
	err := registerer.Register(c)
	if earlier, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
		if existing, ok := earlier.ExistingCollector.(C); ok {
			return existing, nil
		}
	}
	if err != nil {
		return c, fmt.Errorf("unable to register metrics: %w", err)
	}
	return c, nil
}
