// Package leader has one of several replicas lead, by a Lease of Kubernetes (coordination.k8s.io/v1).
package leader

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordination "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// DefaultStopWithin is how long a term may take to stop by default.
const DefaultStopWithin = 15 * time.Second

// Options say which lease it is, and how long it lasts.
type Options struct {
	// Client talks to the API server. Its requests must have a timeout shorter than RenewDeadline.
	Client coordination.LeasesGetter
	// Namespace and Name are the Lease's; Identity is this replica's, and no other's.
	Namespace, Name, Identity string
	// LeaseDuration is after how long without a renewal another replica takes over, RenewDeadline after how long this one stops
	// by itself, and RetryPeriod the time between two tries. They are those of client-go.
	LeaseDuration, RenewDeadline, RetryPeriod time.Duration
	// StopWithin is how long a term may take to stop once it has ended. Zero means DefaultStopWithin.
	StopWithin time.Duration
	Log        *zap.Logger
	// Registerer gets rollbackd_leader and rollbackd_leader_transitions_total.
	Registerer prometheus.Registerer
}

// Elector takes part in the election, term after term.
type Elector struct {
	options Options
	gauge   prometheus.Gauge
	moved   prometheus.Counter
	// lease makes the way to the lease for one election.
	lease func() resourcelock.Interface

	mu     sync.Mutex
	leader string
	// holder is the last one that was seen to lead, also after it has given the lease back.
	holder string
}

// New returns an Elector; nothing happens until Run is called.
func New(o Options) *Elector {
	if o.StopWithin <= 0 {
		o.StopWithin = DefaultStopWithin
	}
	return &Elector{options: o, gauge: Gauge(o.Registerer), moved: Transitions(o.Registerer), lease: o.lease}
}

// Leader is the identity of the replica that was last seen to lead; empty if none was.
func (e *Elector) Leader() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.leader
}

// ErrStuck says that a term did not stop in time, so that the process must end: what is left of it may still act.
var ErrStuck = errors.New("the lease was lost, and what runs under it does not stop")

// Run runs term whenever this replica leads, until ctx ends. The context of a term ends when the lease is lost, and then
// the replica stands by again. When ctx ends, the lease is given back as soon as the term has stopped. A term that returns
// an error while it may lead ends Run with it.
func (e *Elector) Run(ctx context.Context, term func(ctx context.Context, lead *Lead) error) error {
	for ctx.Err() == nil {
		if err := e.stand(ctx, term); err != nil {
			return err
		}
	}
	return nil
}

// stand takes part in one election, to the end of the term if it is won.
func (e *Elector) stand(ctx context.Context, term func(context.Context, *Lead) error) error {
	lead := newLead(e.options.Identity, e.options.RenewDeadline)
	started := make(chan struct{})
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: &lock{Interface: e.lease(), lead: lead}, Name: e.options.Name, ReleaseOnCancel: true,
		LeaseDuration: e.options.LeaseDuration, RenewDeadline: e.options.RenewDeadline, RetryPeriod: e.options.RetryPeriod,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(context.Context) { close(started) },
			OnStoppedLeading: func() { lead.end(errEnded) },
			OnNewLeader:      e.saw,
		},
	})
	if err != nil {
		return fmt.Errorf("leaderElection: %w", err)
	}
	// The campaign outlasts ctx: the lease is renewed until the term has stopped, and given back after that.
	campaign, withdraw := context.WithCancel(context.WithoutCancel(ctx))
	var campaigning sync.WaitGroup
	campaigning.Go(func() { elector.Run(campaign) })
	defer campaigning.Wait()
	defer withdraw()
	select {
	case <-started:
		return e.lead(ctx, lead, term)
	case <-lead.lost:
	case <-ctx.Done():
	}
	return nil
}

func (o Options) lease() resourcelock.Interface {
	return &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Namespace: o.Namespace, Name: o.Name},
		Client:     o.Client,
		LockConfig: resourcelock.ResourceLockConfig{Identity: o.Identity},
	}
}

func (e *Elector) saw(leader string) {
	e.mu.Lock()
	if leader != "" {
		if e.holder != "" && leader != e.holder {
			e.moved.Inc()
		}
		e.holder = leader
	}
	e.leader = leader
	e.mu.Unlock()
	if leader != "" {
		e.options.Log.Info("the lease has a new holder", zap.String("holder", leader), zap.Bool("this", leader == e.options.Identity))
	}
}

// lead runs a term until it ends.
func (e *Elector) lead(parent context.Context, lead *Lead, term func(context.Context, *Lead) error) error {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	e.gauge.Set(1)
	e.options.Log.Info("this replica leads", zap.String("identity", e.options.Identity))
	stopped := make(chan error, 1)
	go func() { stopped <- term(ctx, lead) }()
	err, ended := e.await(parent, lead, stopped)
	cancel()
	e.gauge.Set(0)
	if !ended {
		lead.end(errEnded)
		timer := time.NewTimer(e.options.StopWithin)
		defer timer.Stop()
		select {
		case err = <-stopped:
		case <-timer.C:
			return fmt.Errorf("%w within %s", ErrStuck, e.options.StopWithin)
		}
	}
	lead.rest()
	lost := !ended && parent.Err() == nil
	e.options.Log.Info("this replica does not lead any more", zap.Bool("lost", lost), zap.Error(err))
	if lost || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// look is how often it is checked that the lease was renewed. client-go's own timers start anew in a process that was
// frozen, which would go on for as long again.
const look = 250 * time.Millisecond

// await waits for the end of a term; ended says that it has stopped by itself, with err.
func (e *Elector) await(parent context.Context, lead *Lead, stopped <-chan error) (err error, ended bool) {
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for {
		select {
		case err := <-stopped:
			return err, true
		case <-parent.Done():
			return nil, false
		case <-lead.lost:
			e.options.Log.Warn("the lease is lost", zap.Error(lead.Err()))
			return nil, false
		case <-ticker.C:
			if err := lead.Err(); err != nil {
				lead.end(err)
			}
		}
	}
}
