package bus

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
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
	if registerer == nil {
		return counter, nil
	}
	err := registerer.Register(counter)
	if registered, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
		if existing, ok := registered.ExistingCollector.(*prometheus.CounterVec); ok {
			return existing, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("unable to register metrics: %w", err)
	}
	return counter, nil
}
