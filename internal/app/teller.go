package app

import (
	"time"

	"github.com/rollbackd/rollbackd/internal/bus"
	"github.com/rollbackd/rollbackd/internal/config"
	"github.com/rollbackd/rollbackd/notifier"
)

// newTeller makes the pipeline of one term by which people are told. What a term leaves untold is in the outbox for the next one, whichever
// replica that is of.
func (p process) newTeller(cfg *config.Config, events *bus.Bus) (*notifier.Dispatcher, error) {
	to, err := receivers(cfg, config.SinkTools{
		Log: p.log, Late: true, NATS: p.nc, Kubernetes: p.kubernetes, Memory: events.Memory(), Pictures: pictures{events.Names(), events.Journal()},
	})
	if err != nil {
		return nil, err
	}
	o := notifier.Options{
		Receivers: to, Routes: routes(cfg), Outbox: events.Outbox(), Metrics: p.told, Logger: p.log.Named("notify"),
		Link: cfg.HTTP.Link("incidents"), GiveUpAfter: time.Duration(cfg.Notify.GiveUpAfter),
	}
	if cfg.Notify.Contacts != "" {
		o.Directory = newDirectory(cfg.Notify.Contacts, p.log)
	}
	return notifier.New(o)
}

// ownLog is the name of the sink that writes everything to the daemon's log, where no other does. No sink of another kind may have it.
const ownLog = "log"

// receivers are the sinks that are configured. Without one that writes the daemon's log, that is one too.
func receivers(cfg *config.Config, tools config.SinkTools) ([]notifier.Receiver, error) {
	to, err := cfg.Receivers(tools)
	if err != nil || cfg.Notify.Logs() {
		return to, err
	}
	return append(to, notifier.Receiver{Sink: notifier.Log{As: ownLog, Logger: tools.Log.Named("notice")}, Unrecorded: true}), nil
}

// routes are those that are configured, and one that takes everything to the daemon's own log.
func routes(cfg *config.Config) []notifier.Route {
	out := cfg.NotifyRoutes()
	if !cfg.Notify.Logs() {
		out = append(out, notifier.Route{Sinks: []string{ownLog}})
	}
	return out
}
