package app

import (
	"reflect"
	"time"

	"github.com/rollbackd/rollbackd/internal/bus"
	"github.com/rollbackd/rollbackd/internal/config"
	"github.com/rollbackd/rollbackd/internal/watch"
	"github.com/rollbackd/rollbackd/notifier"
)

// replacement puts another configuration to use in a term.
type replacement struct {
	process
	events *bus.Bus
	// holds is the configuration that is in use.
	holds      *config.Config
	supervisor *watch.Supervisor
	teller     *tellers
	sampler    *replaceableSampler
	clock      *clock
}

// prepare makes what can fail, and returns what puts it to use.
func (r *replacement) prepare(next *config.Config) (func(), error) {
	var teller *notifier.Dispatcher
	if !reflect.DeepEqual(r.holds.Notify, next.Notify) { // else whoever waits to be told need not wait for the change of hands
		var err error
		if teller, err = r.newTeller(next, r.events); err != nil {
			return nil, err
		}
	}
	prom, err := next.Prometheus.API()
	if err != nil {
		return nil, err
	}
	return func() {
		r.supervisor.Replace(r.rules(next))
		if !reflect.DeepEqual(r.holds.Prometheus, next.Prometheus) {
			r.sampler.replace(prom, next.Prometheus)
			r.clock.replace(prom, time.Duration(next.Prometheus.ScrapeInterval))
		}
		if teller != nil {
			r.teller.replace(teller)
		}
		r.holds = next
	}, nil
}

// rules are what watches go by of a configuration.
func (p process) rules(cfg *config.Config) watch.Rules {
	return watch.Rules{
		Policies: cfg.WatchPolicies(), Budgets: cfg.WatchBudgets(), Drills: cfg.WatchDrills(), Freezes: cfg.Freezes(), Reviews: cfg.Reviews(),
		PrometheusPage: cfg.Prometheus.Page(), Namespaces: cfg.Kubernetes.Namespaces, Kinds: cfg.WatchedKinds(), ReadOnly: cfg.Kubernetes.ReadOnly, Observe: p.observe,
	}
}

// try looks whether a configuration can be used, whether or not this replica leads.
func (p process) try(cfg *config.Config) error {
	if _, err := receivers(cfg, config.SinkTools{Log: p.log, NATS: p.nc, Kubernetes: cfg.Kubernetes.Client}); err != nil {
		return err
	}
	if cfg.NATS.URL == "" {
		if _, err := embeddedUsers(cfg); err != nil {
			return err
		}
	}
	_, err := cfg.Prometheus.API()
	return err
}
