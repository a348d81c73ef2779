package app

import (
	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/internal/config"
	"github.com/rollbackd/rollbackd/notifier"
)

// newTeller makes the pipeline by which people are told.
func newTeller(cfg *config.Config, nc *nats.Conn, registry *prometheus.Registry, log *zap.Logger) (*notifier.Dispatcher, error) {
	sinks, err := cfg.NotifySinks(config.SinkTools{Log: log, NATS: nc, Kubernetes: cfg.Kubernetes.Client})
	if err != nil {
		return nil, err
	}
	if len(sinks) == 0 {
		sinks = []notifier.Sink{notifier.Log{Logger: log.Named("notice")}}
	}
	return notifier.New(notifier.Options{Sinks: sinks, Logger: log, Registerer: registry})
}
