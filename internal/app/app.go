// Package app wires the daemon together and carries its life cycle. It knows no operating-system signals and no
// flags, so that a test can start the whole daemon.
package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/go-logr/zapr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"
	"k8s.io/klog/v2"

	"github.com/rollbackd/rollbackd/internal/bus"
	"github.com/rollbackd/rollbackd/internal/config"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/internal/smoke"
	"github.com/rollbackd/rollbackd/internal/watch"
	"github.com/rollbackd/rollbackd/internal/web"
	"github.com/rollbackd/rollbackd/notifier"
)

// storagePatience is how long the embedded NATS may refuse to store anything before the daemon ends, to be started afresh: a server
// whose disk was full stores nothing until then. One that only does not answer in time has too much to do, and is given longer. A server
// of the user's own is waited for instead.
const (
	storagePatience = 30 * time.Second
	storageSilence  = 5 * time.Minute
)

// Options are what a daemon is started with. All are required, but Reload, Pprof and Observe.
type Options struct {
	Config  *config.Config
	Version string
	Log     *zap.Logger
	// Level is that of Log.
	Level zap.AtomicLevel
	// Reload has the configuration file read again whenever something comes.
	Reload <-chan struct{}
	// Pprof serves profiles even if the configuration does not say so.
	Pprof bool
	// Observe has nothing rolled back or paused automatically, whatever the configuration says.
	Observe bool
}

// Run runs the daemon until ctx ends or a part fails for good. It answers HTTP from the start, because it may wait
// long for NATS.
func Run(ctx context.Context, o Options) error {
	cfg, log := o.Config, o.Log
	if err := errors.Join(cfg.HTTP.WebConfigError(), cfg.HTTP.TokenError()); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", cfg.HTTP.Listen)
	if err != nil {
		return fmt.Errorf("http.listen: %w", err)
	}
	defer listener.Close()
	probes, err := listenForProbes(cfg.HTTP)
	if err != nil {
		return err
	}
	if probes != nil {
		defer probes.Close()
	}
	klog.SetLogger(zapr.NewLogger(log.Named("client-go"))) // before any of it runs: it may not be set beside that
	registry := prometheus.NewRegistry()
	state, endpoints := &readyGauge{}, &front{address: listener.Addr().String()}
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), buildInfo(o.Version), state)
	endpoints.measure(registry)
	p := process{
		settings: newSettings(cfg, o.Level, log.Named("config"), registry), cfg: cfg, version: o.Version, endpoints: endpoints,
		registry: registry, pprof: cfg.HTTP.Pprof || o.Pprof, observe: o.Observe, ready: state, log: log,
	}

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return serve(ctx, p.server(), listener, cfg.HTTP, log) })
	if probes != nil {
		group.Go(func() error { return serveProbes(ctx, probes, endpoints, log) })
	}
	group.Go(func() error { p.settings.follow(ctx, o.Reload); return nil })
	group.Go(func() error { return p.run(ctx) })
	err = group.Wait()
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	log.Info("rollbackd has stopped", zap.Error(err))
	return err
}

// run is everything behind the endpoints: what a replica has for good, and its terms.
func (p process) run(ctx context.Context) error {
	nc, users, disconnect, err := connectNATS(ctx, p.cfg, p.log)
	if disconnect != nil {
		defer disconnect()
	}
	if err != nil {
		return err
	}
	p.registry.MustRegister(connectionMetrics(nc)...)
	p.nc, p.told, p.metrics, p.calls = nc, notifier.NewMetrics(p.registry), watch.NewMetrics(p.registry), newCallMetrics(p.registry)
	told, err := p.awaitNATS(ctx)
	defer told()
	if err != nil {
		return err
	}
	if err := p.try(p.settings.now()); err != nil {
		return err // now, and not only when a replica takes over
	}
	p.settings.trying(p.try)
	if p.may, err = newPermissions(p.cfg, p.registry, p.log); err != nil {
		return err
	}
	p.settings.telling(p.may.follow)
	p.settings.telling(users)
	looking, stop := context.WithCancel(ctx)
	var looks sync.WaitGroup
	defer looks.Wait()
	defer stop()
	looks.Go(func() { p.may.run(looking) })
	return p.terms(ctx)
}

// carry is one term: it takes up the watches that there are, and consumes, measures and acts until ctx ends. Whatever it
// changes it asks the gate for.
//
// The wiring is one straight line: nearly every step needs what the one before it made, and what is made first is
// released last.
func (p process) carry(ctx context.Context, may gate) error {
	cfg, log := p.settings.now(), p.log
	told, err := p.awaitNATS(ctx)
	defer told()
	if err != nil {
		return err
	}
	events, err := bus.Open(ctx, p.nc, bus.Options{Instance: cfg.Instance, Environments: cfg.Environments, Sources: sources(cfg.Sources), Log: log, Registerer: p.registry, Replicas: int(cfg.NATS.Replicas), Grouped: cfg.NATS.URL == ""})
	if err != nil {
		return roomFor(err, cfg.NATS)
	}
	cluster, err := newCluster(cfg, p.kubernetes, may, log)
	if err != nil {
		return err
	}
	prom, err := p.prometheus()
	if err != nil {
		return err
	}

	first, err := p.newTeller(cfg, events)
	if err != nil {
		return err
	}
	teller := newTellers(first)
	sampler := newSampler(prom, cfg.Prometheus)
	clock := &clock{prometheus: prom, now: time.Now, scrape: time.Duration(cfg.Prometheus.ScrapeInterval), log: log}
	acting := cluster.live(cfg.Kubernetes)
	diagnoser, err := newDiagnoser(cfg, p.kubernetes)
	if err != nil {
		return err
	}
	ports, err := prepared(watch.Options{
		Instance: cfg.Instance,
		Policies: cfg.WatchPolicies(),
		Budgets:  cfg.WatchBudgets(),
		Freezes:  cfg.Freezes(),
		Drills:   cfg.WatchDrills(),
		Store:    gatedStore{store{watches: events.Watches()}, may},
		Journal:  gatedJournal{journal{events.Journal()}, may},
		Annex:    events.Journal(),
		Ledger:   gatedLedger{events.Ledger(), may},
		Reviews:  cfg.Reviews(),
		Numbers:  gatedNumbers{events.Numbers(), may},
		Names:    gatedNames{events.Names(), may},
		Holds:    gatedHolds{events.Holds(), may},
		Cluster:  acting,
		Preview:  acting,
		Scale:    acting,
		Marks:    acting,
		Pause:    acting,
		Diagnose: diagnoser,
		Feed:     cluster.feed,
		Owners:   acting,
		Labelled: acting,
		Cache:    newCache(ctx, cluster.watcher),
		Sampler:  clockedSampler{sampler, clock},
		Clock:    clock,
		Smoke:    smoke.NewProber(),
		Jobs:     cluster.jobs,
		Records:  records{incident.Writer{Root: cfg.Files.Root}, cfg.Diagnosis.Masker()},
		Mask:     cfg.Diagnosis.Masker(),
		Tell:     teller,
		Notices:  teller,
		Link:     cfg.HTTP.Link,
		Reject:   events,
		Metrics:  p.metrics,
		Log:      log,

		Environments:   cfg.Environments,
		Namespaces:     cfg.Kubernetes.Namespaces,
		Kinds:          cfg.WatchedKinds(),
		ReadOnly:       cfg.Kubernetes.ReadOnly,
		Observe:        p.observe,
		PrometheusPage: cfg.Prometheus.Page(),
	})
	if err != nil {
		return err
	}
	supervisor := watch.New(ports)
	teller.serve(supervisor, supervisor)
	for _, c := range []prometheus.Collector{supervisor.Collector(), supervisor.BudgetCollector(), supervisor.ReviewCollector(), supervisor.BlindCollector(), clock.gauge()} {
		p.registry.MustRegister(c)
		defer p.registry.Unregister(c)
	}
	if err := supervisor.Load(ctx); err != nil {
		return fmt.Errorf("take up the watches of the run before: %w", err)
	}
	cluster.watcher.OnChange(supervisor.ClusterChanged)

	ready := newReadiness(map[string]check{
		"nats":        func(context.Context) error { return errors.Join(events.Ready(), supervisor.StorageError()) },
		"kubernetes":  cluster.reachable,
		"prometheus":  clock.reachable,
		"permissions": p.may.watchable,
	})
	pages, err := web.Handler(web.Options{Watches: supervisor, Records: supervisor, Instance: cfg.Instance, Gatherer: p.registry, Ready: ready.results, Remarks: p.settings.remarks, Notes: p.notes, Permissions: p.may})
	if err != nil {
		return err
	}
	p.endpoints.become(pages)
	p.ready.become(ready)
	detach, err := p.settings.attach(cfg, (&replacement{p, events, cfg, supervisor, teller, sampler, clock}).prepare)
	if err != nil {
		return err
	}
	defer detach()

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return cluster.watcher.Run(ctx) })
	group.Go(func() error { return supervisor.Run(ctx) })
	group.Go(func() error { return teller.Run(ctx) })
	if cfg.NATS.URL == "" {
		group.Go(func() error { return supervisor.GuardStorage(ctx, storagePatience, storageSilence) })
	}
	group.Go(func() error { return events.Consume(ctx, intake(supervisor)) })
	for _, source := range cfg.WatchSources() {
		group.Go(func() error { return events.ConsumeSource(ctx, source.Name, intakeFrom(supervisor, source)) })
	}
	group.Go(func() error { return events.Control(ctx, supervisor.Ask) })
	group.Go(func() error { ready.run(ctx); return nil })
	group.Go(func() error {
		outages{
			nats:       func() error { return errors.Join(p.connected(ctx), supervisor.StorageError()) },
			prometheus: func() error { return ready.lasting("prometheus") },
			blind:      func(now time.Time) blindness { return blindness(supervisor.Blind(now)) },
			open:       supervisor.CountOpen, tell: teller.Send,
		}.run(ctx)
		return nil
	})
	if p.observe {
		log.Warn("started with --observe: nothing is rolled back or paused automatically, whatever the policies say")
	}
	log.Info("rollbackd is running", zap.String("version", p.version), zap.String("instance", cfg.Instance),
		zap.Strings("environments", cfg.Environments), zap.String("http", p.endpoints.address))
	return group.Wait()
}
