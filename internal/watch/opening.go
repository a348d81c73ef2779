package watch

import (
	"context"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/rollbackd/rollbackd/rollback"
)

// This file bounds what watches do at the same time while they are opened. A thousand deployments may be announced within seconds, or be
// taken up by a new process: to read all of their workloads, journals and baselines at once would take several times the memory
// that watching them takes. One that is opened alone never waits, and neither does one that acts.

const (
	// lookBytes is how much memory the looks at workloads that are not in the cache may take together. A look that takes more is
	// the only one then.
	lookBytes = 24 << 20
	// objectBytes is what an object of the cluster takes while its answer is decoded: its text, and several times that as a tree of maps.
	objectBytes = 48 << 10
	// guessedPods is how many pods a workload of which nothing is known is taken to have, and revisionsKept how many revisions are read
	// with them.
	guessedPods   = 10
	revisionsKept = 10
	// mostReading is how many journals are read at the same time, each by a few hundred entries, and mostBaselines how many watches have
	// their baselines measured, of which a few are asked for at a time.
	mostReading   = 16
	mostBaselines = 16
	// waitToOpen is how long one waits for the others. Where they do not get on, as while the API server hangs, it goes ahead.
	waitToOpen = 5 * time.Second
)

// opening is who may do what of it.
type opening struct{ looks, journals, baselines *semaphore.Weighted }

func newOpening() opening {
	return opening{
		looks: semaphore.NewWeighted(lookBytes), journals: semaphore.NewWeighted(mostReading), baselines: semaphore.NewWeighted(mostBaselines),
	}
}

// enter waits for a turn that takes so much, which ends when what is returned is called.
func enter(ctx context.Context, turns *semaphore.Weighted, weight int64) (leave func()) {
	ctx, cancel := context.WithTimeout(ctx, waitToOpen)
	defer cancel()
	if turns.Acquire(ctx, weight) != nil { // whether the caller's own context has ended is for it to find out
		return func() {}
	}
	return func() { turns.Release(weight) }
}

// lookSize is what a look at the watch's workload takes, by the number of pods that it is known to have.
func (w Watch) lookSize(cached rollback.Snapshot) int64 {
	pods := int64(cached.Replicas)
	if w.Pin != nil {
		pods = max(pods, int64(w.Pin.Replicas))
	}
	if pods == 0 {
		pods = guessedPods
	}
	return min((2*pods+revisionsKept)*objectBytes, lookBytes) // of two versions, while one takes the other's place
}

// acts reports whether the watch has more to do than to look: it waits for nobody.
func (w Watch) acts() bool { return w.State != Pending && w.State != Watching }

// readSlowly reads the workload live, in its turn.
func (a *actor) readSlowly(ctx context.Context, cached rollback.Snapshot) (rollback.Snapshot, error) {
	if !a.watch.acts() {
		defer enter(ctx, a.opening.looks, a.watch.lookSize(cached))()
	}
	return a.opts.read(ctx, a.watch)
}

// readJournal reads the watch's journal, in its turn.
func (a *actor) readJournal(ctx context.Context, of Watch, fn func(seq uint64, data []byte) error) error {
	if !of.acts() {
		defer enter(ctx, a.opening.journals, 1)()
	}
	return a.opts.Journal.Read(ctx, of.Key, fn)
}
