package app

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/internal/config"
	"github.com/rollbackd/rollbackd/notifier"
)

// This file tells people that NATS is away while a daemon waits for it before it has begun. What tells them else keeps what it tells in NATS, and is
// made once that is there.

// early follows NATS until it is there.
type early struct {
	// absent says that NATS is not there, and why; nil if it is.
	absent func() error
	// begin starts what tells people, when there is something to tell. What it returns takes notices, and ends it once they are told or have been tried
	// for some seconds.
	begin func(context.Context) (tell func(notifier.Notice), end func(), err error)
	log   *zap.Logger
}

// run looks until ctx ends, and at the end whether NATS is back.
func (e early) run(ctx context.Context) {
	nats, _ := watched()
	telling, end := func(notifier.Notice) {}, func() {}
	defer func() { end() }()
	began := false
	ticker := time.NewTicker(outageEvery)
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			n, ok := nats.look(e.absent(), unknownOpen, now)
			if !ok {
				continue
			}
			if !began {
				tell, over, err := e.begin(context.WithoutCancel(ctx))
				if err != nil {
					e.log.Error("nobody can be told that NATS is away", zap.Error(err))
					return
				}
				began, telling, end = true, tell, over
			}
			telling(n)
		case <-ctx.Done():
			if err := e.absent(); err == nil {
				if n, ok := nats.look(nil, unknownOpen, time.Now()); ok {
					telling(n)
				}
			}
			return
		}
	}
}

// awaitNATS waits for as long as it takes for NATS to be there, and tells people if that is long. What is still being told when it is there holds nothing
// up; the function that is returned waits for it.
func (p process) awaitNATS(ctx context.Context) (told func(), err error) {
	if p.nc.IsConnected() {
		return func() {}, nil
	}
	waiting, stop := context.WithCancel(ctx)
	var telling sync.WaitGroup
	telling.Go(func() { early{absent: p.absent, begin: p.beginTelling, log: p.log}.run(waiting) })
	err = awaitConnection(ctx, p.nc, p.log)
	stop()
	return telling.Wait, err
}

// absent is why NATS is not there; nil if it is.
func (p process) absent() error {
	if p.nc.IsConnected() {
		return nil
	}
	if err := p.nc.LastError(); err != nil {
		return fmt.Errorf("not connected to NATS: %s, %w", p.nc.Status(), err)
	}
	return fmt.Errorf("not connected to NATS: %s", p.nc.Status())
}

// beginTelling starts a pipeline by which people are told without NATS: with those sinks that need none, and without an outbox.
func (p process) beginTelling(ctx context.Context) (func(notifier.Notice), func(), error) {
	cfg := p.settings.now().WithoutNATS()
	to, err := receivers(cfg, config.SinkTools{Log: p.log, Late: true, Kubernetes: p.kubernetes, Memory: &notifier.Forgetful{}})
	if err != nil {
		return nil, nil, err
	}
	o := notifier.Options{
		Receivers: to, Routes: routes(cfg), Metrics: p.told, Logger: p.log.Named("notify"),
		Link: cfg.HTTP.Link("incidents"), GiveUpAfter: time.Duration(cfg.Notify.GiveUpAfter),
	}
	if cfg.Notify.Contacts != "" {
		o.Directory = newDirectory(cfg.Notify.Contacts, p.log)
	}
	d, err := notifier.New(o)
	if err != nil {
		return nil, nil, err
	}
	running, cancel := context.WithCancel(ctx)
	var run sync.WaitGroup
	run.Go(func() { _ = d.Run(running) }) // which never fails
	return d.Send, func() { cancel(); run.Wait() }, nil
}
