package leader

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lease is the Lease as an API server keeps it: a write on an old version is a conflict.
type lease struct {
	mu      sync.Mutex
	version int
	record  resourcelock.LeaderElectionRecord
	// away are the replicas that do not reach the API server.
	away map[string]bool
}

func (l *lease) holder() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.record.HolderIdentity
}

func (l *lease) cutOff(identity string, away bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.away = map[string]bool{identity: away}
}

// access is one replica's way to it.
type access struct {
	*lease
	identity string
	seen     int
}

var errAway = errors.New("the API server is away")

func (a *access) Get(context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.away[a.identity] {
		return nil, nil, errAway
	}
	if a.version == 0 {
		return nil, nil, apierrors.NewNotFound(schema.GroupResource{}, "lease")
	}
	a.seen = a.version
	record := a.record
	return &record, []byte(record.HolderIdentity + record.RenewTime.String()), nil
}

func (a *access) Create(_ context.Context, r resourcelock.LeaderElectionRecord) error {
	return a.write(r)
}
func (a *access) Update(_ context.Context, r resourcelock.LeaderElectionRecord) error {
	return a.write(r)
}

func (a *access) write(r resourcelock.LeaderElectionRecord) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.away[a.identity] {
		return errAway
	}
	if a.seen != a.version {
		return apierrors.NewConflict(schema.GroupResource{}, "lease", errors.New("old version"))
	}
	a.version++
	a.seen, a.record = a.version, r
	return nil
}

func (a *access) RecordEvent(string) {}
func (a *access) Identity() string   { return a.identity }
func (a *access) Describe() string   { return a.identity }

// replica is one process that takes part.
type replica struct {
	*Elector
	stop func() error

	mu    sync.Mutex
	terms int
	lead  *Lead
}

func (r *replica) leads() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lead != nil
}

// newReplica runs a replica whose terms take the given time to stop.
func newReplica(t *testing.T, l *lease, identity string, stopping time.Duration) *replica {
	r := &replica{Elector: New(Options{
		Identity: identity, LeaseDuration: 15 * time.Second, RenewDeadline: 10 * time.Second, RetryPeriod: 2 * time.Second,
		Log: zap.NewNop(), Registerer: prometheus.NewRegistry(),
	})}
	r.lease = func() resourcelock.Interface { return &access{lease: l, identity: identity} }
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	r.stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() { _ = r.stop() })
	go func() {
		done <- r.Run(ctx, func(ctx context.Context, lead *Lead) error {
			r.set(lead)
			<-ctx.Done()
			time.Sleep(stopping)
			r.set(nil)
			return ctx.Err()
		})
	}()
	return r
}

func (r *replica) set(lead *Lead) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lead = lead; lead != nil {
		r.terms++
	}
}

// after lets time pass and everything come to rest.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// TestOneLeadsAtATime: the first leads, and the second takes over when the first has not renewed for the lease's time. By
// then the first has long stopped, and when it is back it stands by.
func TestOneLeadsAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lease{}
		a := newReplica(t, l, "a", 0)
		after(time.Second)
		b := newReplica(t, l, "b", 0)
		after(time.Minute)
		require.True(t, a.leads())
		require.False(t, b.leads())
		require.Equal(t, 1.0, testutil.ToFloat64(a.gauge))
		require.Equal(t, "a", b.Leader())
		lead := a.lead

		l.cutOff("a", true)
		after(9 * time.Second)
		require.False(t, b.leads())
		after(4 * time.Second)
		require.False(t, a.leads(), "the leader stops before another may take over")
		require.Error(t, lead.Err())
		require.False(t, b.leads())
		after(10 * time.Second)
		require.True(t, b.leads())

		l.cutOff("a", false)
		after(time.Minute)
		require.False(t, a.leads())
		require.Equal(t, 0.0, testutil.ToFloat64(a.gauge))
		require.NoError(t, b.stop())
		after(5 * time.Second)
		require.True(t, a.leads(), "a replica that has lost the lease may get it again")
		require.Equal(t, 2, a.terms)
		require.Error(t, lead.Err(), "an old term stays over")
	})
}

// TestStoppingGivesTheLeaseBack: at once, but not before everything has stopped that runs under it.
func TestStoppingGivesTheLeaseBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lease{}
		a := newReplica(t, l, "a", 3*time.Second)
		after(time.Second)
		b := newReplica(t, l, "b", 0)
		after(time.Second)
		lead := a.lead
		stopped := make(chan error, 1)
		go func() { stopped <- a.stop() }()
		after(2 * time.Second)
		require.Equal(t, "a", l.holder())
		require.Error(t, lead.Err(), "nothing is begun by a replica that stops")
		after(2 * time.Second)
		require.NoError(t, <-stopped)
		require.NotEqual(t, "a", l.holder())
		after(5 * time.Second)
		require.True(t, b.leads())
	})
}

// TestATermThatDoesNotStopEndsTheProcess, and keeps the lease from the others until it runs out.
func TestATermThatDoesNotStopEndsTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lease{}
		a := newReplica(t, l, "a", time.Minute)
		after(time.Second)
		l.cutOff("a", true)
		after(12 * time.Second)
		l.cutOff("a", false)
		require.ErrorIs(t, a.stop(), ErrStuck)
		require.Equal(t, "a", l.holder())
		after(time.Minute)
	})
}

// TestAnErrorEndsTheProcess: what fails for good while the replica leads is not tried again by itself.
func TestAnErrorEndsTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lease{}
		e := New(Options{
			Identity: "a", LeaseDuration: 15 * time.Second, RenewDeadline: 10 * time.Second, RetryPeriod: 2 * time.Second,
			Log: zap.NewNop(), Registerer: prometheus.NewRegistry(),
		})
		e.lease = func() resourcelock.Interface { return &access{lease: l, identity: "a"} }
		broken := errors.New("broken")
		require.ErrorIs(t, e.Run(t.Context(), func(context.Context, *Lead) error { return broken }), broken)
		require.Empty(t, l.holder(), "the lease is given back")
	})
}

// TestFrozenLeaderTakesNothingBack: a replica that was frozen remembers that it leads, while another one does. It neither
// begins anything nor gives back the lease that is not its own.
func TestFrozenLeaderTakesNothingBack(t *testing.T) {
	l := &lease{}
	lead := newLead("a", 10*time.Second)
	mine := &lock{Interface: &access{lease: l, identity: "a"}, lead: lead}
	require.NoError(t, mine.Create(t.Context(), resourcelock.LeaderElectionRecord{HolderIdentity: "a"}))
	require.NoError(t, lead.Err())

	other := &access{lease: l, identity: "b"}
	_, _, err := other.Get(t.Context())
	require.NoError(t, err)
	require.NoError(t, other.Update(t.Context(), resourcelock.LeaderElectionRecord{HolderIdentity: "b"}))

	_, _, err = mine.Get(t.Context())
	require.NoError(t, err)
	require.ErrorContains(t, lead.Err(), "held by b")
	lead.rest()
	require.Error(t, mine.Update(t.Context(), resourcelock.LeaderElectionRecord{}))
	require.Equal(t, "b", l.holder())
}

// TestLeadByTheClock: something may be begun for as long as the newest renewal is recent, by either clock.
func TestLeadByTheClock(t *testing.T) {
	start := time.Now()
	lead := newLead("a", 10*time.Second)
	require.Error(t, lead.errAt(start), "before the first renewal")
	lead.renewedAt(start)
	require.NoError(t, lead.errAt(start.Add(10*time.Second)))
	require.Error(t, lead.errAt(start.Add(10*time.Second+1)))
	require.Error(t, lead.errAt(start.Round(0).Add(time.Minute)), "the machine slept: only the wall clock went on")
	lead.renewedAt(start.Add(time.Minute))
	require.NoError(t, lead.errAt(start.Add(time.Minute)))
	lead.end(errEnded)
	require.ErrorIs(t, lead.errAt(start.Add(time.Minute)), errEnded)
}
