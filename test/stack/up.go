package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rollbackd/rollbackd/test/stack/internal/builder"
	"github.com/rollbackd/rollbackd/test/stack/internal/cluster"
	"github.com/rollbackd/rollbackd/test/stack/internal/control"
	"github.com/rollbackd/rollbackd/test/stack/internal/process"
	"github.com/rollbackd/rollbackd/test/stack/internal/prometheus"
)

// startLimit is how long the start may take before it counts as failed. A quiet machine needs less
// than ten seconds; a busy one with two cores several times that.
const startLimit = 2 * time.Minute

// stack is one running stack.
type stack struct {
	config   settings
	binaries builder.Binaries
	log      *slog.Logger
	dir      string
	group    *process.Group
	fail     context.CancelCauseFunc

	cluster    *cluster.Cluster
	prometheus *prometheus.Server
	nats       *natsServer
	apps       *apps
	control    *listener
}

// up runs a stack until ctx ends or a part of it fails, and leaves nothing behind.
func up(ctx context.Context, cancel context.CancelCauseFunc, config settings, binaries builder.Binaries, log *slog.Logger) (err error) {
	folder, err := newFolder()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, folder.remove(config.keep)) }()
	group, err := process.NewGroup(folder.path)
	if err != nil {
		return err
	}
	s := &stack{config: config, binaries: binaries, log: log, dir: folder.path, group: group, fail: cancel}
	defer s.stop()
	// Everything in this program that talks to the processes must be told before they are killed.
	defer cancel(errStopped)
	go s.watch(ctx)
	if err := s.startAll(ctx); err != nil {
		return err
	}
	<-ctx.Done()
	return context.Cause(ctx)
}

// watch ends the stack when a process dies.
func (s *stack) watch(ctx context.Context) {
	select {
	case err := <-s.group.Failed():
		s.fail(err)
	case <-ctx.Done():
	}
}

func (s *stack) startAll(ctx context.Context) error {
	began := time.Now()
	fmt.Fprintln(os.Stderr, "starting Kubernetes, Prometheus and NATS")
	starting, cancel := context.WithTimeoutCause(ctx, startLimit, fmt.Errorf("the stack was not ready within %s", startLimit))
	defer cancel()
	if err := s.start(ctx, starting); err != nil {
		// A process that died explains the failure better than those that waited for it.
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		return err
	}
	fmt.Fprintf(os.Stderr, "ready after %.1f s\n", time.Since(began).Seconds())
	info := s.ready()
	info.print(os.Stdout)
	if s.config.readyFile == "" {
		return nil
	}
	return info.write(s.config.readyFile)
}

// start starts the parts, side by side where they do not need each other. Its first context is
// that of the stack's life, the second that of the start.
func (s *stack) start(ctx, starting context.Context) error {
	var err error
	if s.apps, err = newApps(ctx, s); err != nil {
		return err
	}
	if s.prometheus, err = s.newPrometheus("main", s.config.scrape); err != nil {
		return err
	}
	tasks, starting := errgroup.WithContext(starting)
	tasks.Go(func() error { return s.prometheus.Start(starting) })
	tasks.Go(func() (err error) {
		s.nats, err = startNATS(filepath.Join(s.dir, "nats"))
		return err
	})
	tasks.Go(func() (err error) {
		s.cluster, err = cluster.Start(starting, s.group, cluster.Options{
			Dir: s.dir, Kube: s.binaries.Kube, Kwok: s.binaries.Kwok, Nodes: s.config.nodes,
		})
		if err != nil {
			return err
		}
		return s.apps.follow(starting, s.cluster)
	})
	if err := tasks.Wait(); err != nil {
		return err
	}
	s.control, err = listen(control.New(s.cluster.AuditLog, s.prometheus, s.config.scrape, s.newPrometheus).Handler(), s.fail)
	return err
}

func (s *stack) newPrometheus(id string, scrape time.Duration) (*prometheus.Server, error) {
	return prometheus.New(s.group, prometheus.Options{
		ID: id, Binary: s.binaries.Prometheus, Dir: s.dir, Targets: s.apps.targets, Scrape: scrape,
	})
}

func (s *stack) ready() ready {
	return ready{
		Kubeconfig: s.cluster.Kubeconfig, Token: s.cluster.Token,
		DaemonKubeconfig: s.cluster.DaemonKubeconfig, DaemonToken: s.cluster.DaemonToken,
		APIServer: s.cluster.Server, CAFile: s.cluster.CAFile, AuditLog: s.cluster.AuditLog,
		Prometheus: s.prometheus.URL(), NATS: s.nats.url(), Simulator: s.apps.url(), Control: s.control.url(),
		Scrape: s.config.scrape.String(), Dir: s.dir, PID: os.Getpid(), PIDs: s.group.PIDs(),
	}
}

// stop ends all parts; the stack's context must have ended.
func (s *stack) stop() {
	if s.config.readyFile != "" {
		// Nobody shall attach to a stack that has gone. It may never have been written.
		_ = os.Remove(s.config.readyFile)
	}
	s.control.close()
	s.apps.close()
	s.nats.close()
	s.group.Stop()
}
