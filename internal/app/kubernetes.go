package app

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"go.uber.org/zap"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/rollbackd/rollbackd/internal/config"
	"github.com/rollbackd/rollbackd/internal/job"
	"github.com/rollbackd/rollbackd/rollback"
)

// cluster is everything that talks to one API server.
type cluster struct {
	client  dynamic.Interface
	watcher *rollback.Watcher
	feed    *rollback.Feed
	version *discovery.DiscoveryClient
	jobs    *job.Runner
}

// newCluster returns a cluster whose changes ask the gate; settings are how the API server is reached.
func newCluster(cfg *config.Config, settings func() (*rest.Config, error), may gate, log *zap.Logger) (*cluster, error) {
	rc, err := settings()
	if err != nil {
		return nil, err
	}
	rc.Wrap(func(next http.RoundTripper) http.RoundTripper { return gatedTransport{gate: may, next: next} })
	client, err := dynamic.NewForConfig(rc)
	if err != nil {
		return nil, fmt.Errorf("kubernetes: %w", err)
	}
	jobs, err := job.NewRunner(rc, time.Duration(cfg.Kubernetes.Timeout), cfg.Diagnosis.Masker())
	if err != nil {
		return nil, err
	}
	probing := rest.CopyConfig(rc)
	probing.Timeout = probeTimeout
	version, err := discovery.NewDiscoveryClientForConfig(probing)
	if err != nil {
		return nil, fmt.Errorf("kubernetes: %w", err)
	}
	told := &refusals{}
	failed := func(namespace string, err error) {
		if rollback.IsForbidden(err) && !told.news(namespace+": "+err.Error(), time.Now()) {
			return
		}
		log.Warn("the cluster could not be watched; trying again", zap.String("namespace", namespace), zap.Error(err))
	}
	return &cluster{
		client: client, version: version, jobs: jobs, feed: rollback.NewFeed(client, failed),
		watcher: rollback.NewWatcher(client, rollback.WatcherOptions{OnError: failed, VersionLabels: cfg.Kubernetes.VersionLabels}),
	}, nil
}

// live reads and changes the workloads, never from a cache.
func (c *cluster) live(cfg config.Kubernetes) *rollback.Cluster {
	return rollback.NewCluster(c.client, rollback.Options{
		Timeout: time.Duration(cfg.Timeout), CheckSecrets: cfg.CheckSecrets, ArgoCDNamespace: cfg.ArgoCDNamespace,
		VersionLabels: cfg.VersionLabels,
	})
}

// reachable asks for the server's version, which everybody may.
func (c *cluster) reachable(context.Context) error {
	_, err := c.version.ServerVersion()
	return err
}

// cache adapts the watcher: interest is taken without waiting for the caches to fill, because a watch can read live
// until they are.
type cache struct {
	*rollback.Watcher
	// ended is a context that has ended: it says not to wait.
	ended context.Context
}

func newCache(ctx context.Context, w *rollback.Watcher) cache {
	ended, cancel := context.WithCancel(ctx)
	cancel()
	return cache{Watcher: w, ended: ended}
}

func (c cache) Watch(w rollback.Workload) {
	_ = c.Watcher.Watch(c.ended, w) // the error only says that nobody waited
}
