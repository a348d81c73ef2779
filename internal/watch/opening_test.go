package watch

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/rollback"
)

// crowded counts how many calls are under way at the same time, each of which takes a while.
type crowded struct {
	mu        sync.Mutex
	now, most int
	takes     time.Duration
}

func (c *crowded) call() {
	c.mu.Lock()
	c.now++
	c.most = max(c.most, c.now)
	c.mu.Unlock()
	time.Sleep(c.takes)
	c.mu.Lock()
	c.now--
	c.mu.Unlock()
}

// highest is the most that there were, and forgets it.
func (c *crowded) highest() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	most := c.most
	c.most = 0
	return most
}

type (
	crowdedCluster struct {
		fleetCluster
		reads *crowded
	}
	crowdedSampler struct {
		samplerOf
		baselines *crowded
	}
	crowdedJournal struct {
		journalOf
		reads *crowded
	}
	// blankCache holds nothing yet.
	blankCache struct{ fleetCache }
)

func (c crowdedCluster) Read(ctx context.Context, w rollback.Workload, sw *rollback.Switch) (rollback.Snapshot, error) {
	c.reads.call()
	return c.fleetCluster.Read(ctx, w, sw)
}

func (c crowdedSampler) Baseline(ctx context.Context, sig analyzer.Signal, sub analyzer.Subject, span analyzer.Span) (analyzer.Baseline, error) {
	c.baselines.call()
	return c.samplerOf.Baseline(ctx, sig, sub, span)
}

func (c crowdedJournal) Read(ctx context.Context, key string, fn func(uint64, []byte) error) error {
	c.reads.call()
	return c.journalOf.Read(ctx, key, fn)
}

func (blankCache) Cached(rollback.Workload, *rollback.Switch) (rollback.Snapshot, bool) {
	return rollback.Snapshot{}, false
}

// However many deployments are announced at once, only so many are read, and have their baselines measured, at the same time.
func TestManyWatchesAreOpenedAFewAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 200)
		reads, baselines, journals := &crowded{takes: 50 * time.Millisecond}, &crowded{takes: 50 * time.Millisecond}, &crowded{takes: 50 * time.Millisecond}
		edit := func(o *Options) {
			o.Cluster = crowdedCluster{fleetCluster{f, clusterOf{f.world}}, reads}
			o.Cache = blankCache{fleetCache{f, cacheOf{f.world}}}
			o.Sampler = crowdedSampler{samplerOf{f.world}, baselines}
			o.Journal = crowdedJournal{journalOf{f.world}, journals}
		}
		p := f.run(edit)
		f.announce(p)
		awaitAll(t, p, Watching)
		smallest := (2*int(f.live.Replicas) + revisionsKept) * objectBytes
		looks := reads.highest()
		require.LessOrEqual(t, looks, lookBytes/smallest)
		require.Greater(t, looks, 10)
		require.Equal(t, mostReading, journals.highest())
		time.Sleep(2 * time.Second)
		require.Equal(t, mostBaselines, baselines.highest())
		p.stop()
		f.run(edit)
		time.Sleep(5 * time.Second)
		require.Equal(t, mostReading, journals.highest(), "a new process takes them up as slowly")
	})
}

// awaitAll lets time pass until all watches are in a state.
func awaitAll(t *testing.T, p *process, state State) {
	t.Helper()
	for range 240 {
		if states(p)[state] == len(p.Watches()) {
			return
		}
		time.Sleep(250 * time.Millisecond)
	}
	t.Fatalf("not all are %s: %v", state, states(p))
}

// Where those who came first do not get on, the others do not wait for ever.
func TestAWatchDoesNotWaitForOthersThatHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOpening()
		defer enter(t.Context(), o.looks, lookBytes)()
		began := time.Now()
		enter(t.Context(), o.looks, 1)()
		require.Equal(t, waitToOpen, time.Since(began))
	})
}

func TestALookIsWeighedByThePodsThatItReads(t *testing.T) {
	require.Equal(t, int64(30*objectBytes), Watch{}.lookSize(rollback.Snapshot{}), "nothing is known")
	require.Equal(t, int64(16*objectBytes), Watch{}.lookSize(rollback.Snapshot{Replicas: 3}))
	require.Equal(t, int64(50*objectBytes), Watch{Pin: &rollback.Pin{Replicas: 20}}.lookSize(rollback.Snapshot{Replicas: 3}))
	require.Equal(t, int64(lookBytes), Watch{Pin: &rollback.Pin{Replicas: 2000}}.lookSize(rollback.Snapshot{}), "more than there is would never be had")
}

// Whoever acts, or waits for a person, is not held up by those that are opened.
func TestOnlyThoseThatJustLookWait(t *testing.T) {
	for _, state := range []State{Regressed, AwaitingApproval, RollingBack, Verifying, RolledBack} {
		require.True(t, Watch{State: state}.acts(), state)
	}
	require.False(t, Watch{State: Pending}.acts())
	require.False(t, Watch{State: Watching}.acts())
}
