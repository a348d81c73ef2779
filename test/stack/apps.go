package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"

	"github.com/rollbackd/rollbackd/test/stack/internal/cluster"
	"github.com/rollbackd/rollbackd/test/stack/internal/load"
	"github.com/rollbackd/rollbackd/test/stack/internal/process"
	"github.com/rollbackd/rollbackd/test/stack/internal/simulator"
)

// apps are the simulated applications and the load on them.
type apps struct {
	ctx       context.Context
	targets   string
	simulator *simulator.Simulator
	load      *load.Generator
	listener  *listener
}

// newApps starts to serve pods, of which there are none before follow.
func newApps(ctx context.Context, s *stack) (*apps, error) {
	// A folder of its own: Prometheus watches the whole folder and takes every write in it for news.
	targets := filepath.Join(s.dir, "targets")
	if err := os.Mkdir(targets, 0o755); err != nil {
		return nil, fmt.Errorf("create the folder of scrape targets: %w", err)
	}
	a := &apps{
		ctx:       ctx,
		targets:   filepath.Join(targets, "pods.json"),
		simulator: simulator.New(s.log.With(slog.String("part", "simulator"))),
	}
	mux := a.simulator.Handler()
	mux.HandleFunc("/services/{namespace}/{service}/{path...}", a.serveService)
	mux.HandleFunc("GET /v1/services", a.serveServices)
	var err error
	if a.listener, err = listen(mux, s.fail); err != nil {
		return nil, err
	}
	a.load = load.New(ctx, s.log.With(slog.String("part", "load")), a.simulator, a.listener.address)
	a.simulator.Connect(a.load, a.listener.address)
	go func() {
		if err := a.simulator.WriteTargets(ctx, a.targets, a.listener.address); err != nil {
			s.fail(err)
		}
	}()
	return a, nil
}

// follow makes the applications follow the cluster's pods and Services, and returns when those that
// exist are known.
func (a *apps) follow(starting context.Context, c *cluster.Cluster) error {
	client, err := c.Client()
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	pods, services := factory.Core().V1().Pods().Informer(), factory.Core().V1().Services().Informer()
	if err := errors.Join(a.simulator.Follow(pods), a.load.Follow(services)); err != nil {
		return err
	}
	factory.Start(a.ctx.Done())
	if !cache.WaitForCacheSync(starting.Done(), pods.HasSynced, services.HasSynced) {
		return fmt.Errorf("list the pods and services: %w", context.Cause(starting))
	}
	return nil
}

func (a *apps) url() string { return a.listener.url() }

// serveService lets a ready pod behind a Service answer, as the Service's own address would.
func (a *apps) serveService(w http.ResponseWriter, r *http.Request) {
	namespace := r.PathValue("namespace")
	pod, found := a.load.Pick(namespace, r.PathValue("service"))
	if !found {
		http.Error(w, "the service has no ready pod", http.StatusServiceUnavailable)
		return
	}
	a.simulator.ServePod(w, r, namespace, pod)
}

func (a *apps) serveServices(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(a.load.Services())
}

func (a *apps) close() {
	if a == nil {
		return
	}
	if a.load != nil {
		a.load.Wait()
	}
	a.listener.close()
}

// listener is an HTTP server on a free loopback port.
type listener struct {
	address string
	server  *http.Server
}

func listen(handler http.Handler, fail context.CancelCauseFunc) (*listener, error) {
	socket, err := process.Listen()
	if err != nil {
		return nil, fmt.Errorf("listen on loopback: %w", err)
	}
	l := &listener{address: socket.Addr().String(), server: &http.Server{Handler: handler}}
	go func() {
		if err := l.server.Serve(socket); !errors.Is(err, http.ErrServerClosed) {
			fail(fmt.Errorf("serve %s: %w", l.address, err))
		}
	}()
	return l, nil
}

func (l *listener) url() string { return "http://" + l.address }

func (l *listener) close() {
	if l != nil {
		_ = l.server.Close()
	}
}
