package app

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	coordination "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"

	"github.com/rollbackd/rollbackd/internal/config"
	"github.com/rollbackd/rollbackd/internal/leader"
	"github.com/rollbackd/rollbackd/internal/watch"
	"github.com/rollbackd/rollbackd/internal/web"
	"github.com/rollbackd/rollbackd/notifier"
)

// process is what a replica has for good; a term makes everything else anew, so that nothing of an earlier one is left.
type process struct {
	// settings are the configuration, which may be replaced; cfg is that of the start, for what cannot.
	settings  *settings
	cfg       *config.Config
	version   string
	pprof     bool
	observe   bool
	endpoints *front
	registry  *prometheus.Registry
	nc        *nats.Conn
	told      *notifier.Metrics
	metrics   *watch.Metrics
	calls     callMetrics
	ready     *readyGauge
	may       *permissions
	log       *zap.Logger
}

// terms carries the watches whenever this replica leads, and stands by in between. A replica that runs alone always leads.
func (p process) terms(ctx context.Context) error {
	if !p.cfg.LeaderElection.Enabled {
		leader.Gauge(p.registry).Set(1)
		leader.Transitions(p.registry)
		return p.carry(ctx, open)
	}
	elector, err := p.elector()
	if err != nil {
		return err
	}
	cluster, err := newCluster(p.cfg, p.kubernetes, open, p.log)
	if err != nil {
		return err
	}
	ready := newReadiness(map[string]check{"nats": p.connected, "kubernetes": cluster.reachable, "permissions": p.may.watchable})
	probing, stop := context.WithCancel(ctx)
	var probes sync.WaitGroup
	defer probes.Wait()
	defer stop()
	probes.Go(func() { ready.run(probing) })
	standby, err := p.standby(ready, elector)
	if err != nil {
		return err
	}
	standBy := func() {
		p.endpoints.become(standby)
		p.ready.become(ready)
	}
	standBy()
	return elector.Run(ctx, func(ctx context.Context, lead *leader.Lead) error {
		defer standBy()
		return p.carry(ctx, lead.Err)
	})
}

// standby are the endpoints of this replica while it does not lead.
func (p process) standby(ready *readiness, elector *leader.Elector) (http.Handler, error) {
	seen := p.stored()
	return web.Standby(web.Options{
		Watches: seen, Records: seen, Instance: p.cfg.Instance, Gatherer: p.registry, Ready: ready.results, Permissions: p.may,
		Remarks: func() []string { return append(p.settings.remarks(), seen.remarks()...) }, Notes: p.notes,
	}, web.Following{Leader: elector.Leader, Refresh: seen.Refresh})
}

// notes are what the pages say in passing.
func (p process) notes() []string {
	if !p.observe {
		return nil
	}
	return []string{"It was started with --observe: it rolls nothing back and pauses nothing by itself, whatever the policies say."}
}

func (p process) elector() (*leader.Elector, error) {
	le := p.cfg.LeaderElection
	namespace, err := le.LeaseNamespace(p.cfg.Kubernetes)
	if err != nil {
		return nil, err
	}
	rc, err := p.kubernetes()
	if err != nil {
		return nil, err
	}
	rc = rest.CopyConfig(rc)
	rc.Timeout = max(time.Duration(le.RenewDeadline)/2, time.Second) // one call that hangs must leave time for another
	client, err := coordination.NewForConfig(rc)
	if err != nil {
		return nil, fmt.Errorf("kubernetes: %w", err)
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("find out the host's name, to tell this replica from others: %w", err)
	}
	return leader.New(leader.Options{
		Client: client, Namespace: namespace, Name: le.LeaseName(p.cfg.Instance), Identity: host + "_" + nuid.Next(),
		LeaseDuration: time.Duration(le.LeaseDuration), RenewDeadline: time.Duration(le.RenewDeadline),
		RetryPeriod: time.Duration(le.RetryPeriod), Log: p.log.Named("leader"), Registerer: p.registry,
	}), nil
}

// connected reports whether NATS is there to be taken over with.
func (p process) connected(context.Context) error {
	if !p.nc.IsConnected() {
		return fmt.Errorf("not connected to NATS: %s", p.nc.Status())
	}
	return nil
}
