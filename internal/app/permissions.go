package app

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/rollbackd/rollbackd/internal/access"
	"github.com/rollbackd/rollbackd/internal/config"
)

// The pace of looking.
const (
	permissionsEvery = 5 * time.Minute
	// permissionsAgain is when it is looked again after it could not be told.
	permissionsAgain = 15 * time.Second
)

// permissions looks whether the daemon may do on Kubernetes what its configuration has it do, and tells what is missing. Nothing
// waits for it, and nothing is decided by it: what is refused is refused by the API server.
type permissions struct {
	ask   access.Asker
	gauge *prometheus.GaugeVec
	log   *zap.Logger
	// again has it looked at once.
	again chan struct{}

	mu    sync.Mutex
	grant access.Grant
	needs []access.Need
	// at is when they were looked at last; zero if that has not been done since the needs are these.
	at      time.Time
	missing []access.Need
}

func newPermissions(cfg *config.Config, registerer prometheus.Registerer, log *zap.Logger) (*permissions, error) {
	rc, err := cfg.Kubernetes.Client()
	if err != nil {
		return nil, err
	}
	rc.Timeout = time.Duration(cfg.Kubernetes.Timeout)
	ask, err := access.NewAsker(rc)
	if err != nil {
		return nil, err
	}
	grant := cfg.Access()
	if cfg.LeaderElection.Enabled {
		if grant.Own, err = cfg.LeaderElection.LeaseNamespace(cfg.Kubernetes); err != nil {
			return nil, err
		}
	}
	return watchPermissions(grant, ask, registerer, log), nil
}

func watchPermissions(grant access.Grant, ask access.Asker, registerer prometheus.Registerer, log *zap.Logger) *permissions {
	p := &permissions{
		grant: grant, needs: grant.Needs(), ask: ask, log: log, again: make(chan struct{}, 1),
		gauge: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "rollbackd", Name: "permission_missing",
			Help: "How many verbs a feature lacks on Kubernetes in a namespace that the configuration names; empty stands for all. There is no series where none is missing.",
		}, []string{"namespace", "feature"}),
	}
	registerer.MustRegister(p.gauge)
	return p
}

// run looks now and again until ctx ends.
func (p *permissions) run(ctx context.Context) {
	unknown := "" // why it could not be told, as was logged last
	for {
		pause := permissionsEvery
		needs := p.needed()
		if missing, err := access.Missing(ctx, p.ask, needs); err != nil {
			if ctx.Err() == nil && err.Error() != unknown {
				unknown = err.Error()
				mend := ""
				if apierrors.IsForbidden(err) {
					mend = "let the daemon's ServiceAccount create selfsubjectaccessreviews.authorization.k8s.io, which the ClusterRole system:basic-user lets everybody do"
				}
				p.log.Warn("the daemon's permissions on Kubernetes could not be looked at; trying again, and telling when that has changed", zap.Error(err), zap.String("mend", mend))
			}
			pause = permissionsAgain
		} else {
			unknown = ""
			p.found(needs, missing, time.Now())
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		case <-p.again:
		}
	}
}

// follow has the permissions looked at, at once, that another configuration needs.
func (p *permissions) follow(cfg *config.Config) {
	p.mu.Lock()
	defer p.mu.Unlock()
	grant := cfg.Access()
	grant.Own = p.grant.Own
	needs := grant.Needs()
	if p.grant = grant; sameNeeds(needs, p.needs) {
		return
	}
	p.needs, p.at = needs, time.Time{}
	select {
	case p.again <- struct{}{}:
	default: // it is asked for already
	}
}

func (p *permissions) needed() []access.Need {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.needs
}

func sameNeeds(a, b []access.Need) bool {
	return slices.EqualFunc(a, b, func(x, y access.Need) bool { return key(x) == key(y) && x.Name == y.Name })
}

// place is where a series is about.
type place struct {
	namespace string
	feature   access.Feature
}

// found takes note of what is missing of the needs, and tells of what has changed.
func (p *permissions) found(needs, missing []access.Need, at time.Time) {
	p.mu.Lock()
	before, first := p.missing, p.at.IsZero()
	if !sameNeeds(needs, p.needs) { // they have changed meanwhile, and are looked at again
		p.mu.Unlock()
		return
	}
	p.missing, p.at = missing, at
	p.mu.Unlock()
	was, is := counted(before), counted(missing)
	for key, n := range is {
		p.gauge.WithLabelValues(key.namespace, string(key.feature)).Set(float64(n))
	}
	for key := range was {
		if is[key] == 0 {
			p.gauge.DeleteLabelValues(key.namespace, string(key.feature))
		}
	}
	known, gone, wanted := told(before), told(missing), told(needs)
	for _, n := range missing {
		if !known[key(n)] {
			p.tell(n)
		}
	}
	for _, n := range before {
		if gone[key(n)] {
			continue
		}
		what := "a permission that was missing is there"
		if !wanted[key(n)] {
			what = "a permission that is missing is no longer needed"
		}
		p.log.Info(what, zap.String("permission", n.String()), zap.String("feature", string(n.Rule.Feature)))
	}
	if first && len(missing) == 0 {
		p.log.Info("the daemon has the permissions on Kubernetes that its configuration needs", zap.Int("permissions", len(needs)))
	}
}

func (p *permissions) tell(n access.Need) {
	level := zap.WarnLevel
	if n.Rule.Feature == access.Base {
		level = zap.ErrorLevel
	}
	p.log.Log(level, "a permission is missing", zap.String("permission", n.String()), zap.String("feature", string(n.Rule.Feature)),
		zap.String("without", n.Rule.Without), zap.String("mend", n.Mend()))
}

func counted(needs []access.Need) map[place]int {
	out := map[place]int{}
	for _, n := range needs {
		out[place{n.Namespace, n.Rule.Feature}]++
	}
	return out
}

func told(needs []access.Need) map[string]bool {
	out := map[string]bool{}
	for _, n := range needs {
		out[key(n)] = true
	}
	return out
}

// key tells needs apart; two features may need the same.
func key(n access.Need) string { return string(n.Rule.Feature) + " " + n.String() }

// watchable says why nothing at all can be watched; nil if something can, or if that is not known yet.
func (p *permissions) watchable(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.grant.Blind(p.missing) {
		return errors.New("the API server lets rollbackd read Deployments, ReplicaSets and pods in none of the namespaces that it is to watch; " +
			"rollbackctl rbac prints the Roles, and the log says what is missing")
	}
	return nil
}

// ServeHTTP shows what is missing.
func (p *permissions) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	report := access.Report{CheckedAt: p.at, Needed: len(p.needs), Missing: []access.Lack{}}
	for _, n := range p.missing {
		report.Missing = append(report.Missing, n.Lack())
	}
	p.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_ = json.NewEncoder(w).Encode(report) // an error means that the client has gone
}
