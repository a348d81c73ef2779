package bus

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
)

// backlog shows what waits in the stream of events. Only whoever consumes them shows it; a standby shows nothing.
type backlog struct{ pending, unsettled prometheus.Gauge }

func newBacklog(registerer prometheus.Registerer) (*backlog, error) {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "rollbackd", Name: name, Help: help})
	}
	pending, err := registered(registerer, gauge("events_pending", "Deployment events that wait in the stream and were not handed out yet; 0 on a standby."))
	if err != nil {
		return nil, err
	}
	unsettled, err := registered(registerer, gauge("events_unsettled",
		"Deployment events that were handed out and are neither accepted nor rejected yet, those to be tried again included; 0 on a standby."))
	return &backlog{pending: pending, unsettled: unsettled}, err
}

func (b *backlog) forget() {
	b.pending.Set(0)
	b.unsettled.Set(0)
}

// measureBacklog asks the server. Where it does not answer, the newest answer stands: why there is none is told elsewhere.
func (b *Bus) measureBacklog(ctx context.Context) {
	err := b.calls.retry(ctx, func(ctx context.Context) error {
		consumer, err := b.js.Consumer(ctx, DeploymentsStream, consumerName(b.options.Instance))
		if err == nil {
			b.backlog.show(consumer.CachedInfo())
		}
		return err
	})
	if err != nil && ctx.Err() == nil {
		b.log.Debug("the backlog of events is not known")
	}
}

func (b *backlog) show(info *jetstream.ConsumerInfo) {
	b.pending.Set(float64(info.NumPending))
	b.unsettled.Set(float64(info.NumAckPending))
}
