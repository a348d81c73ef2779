package watch

import (
	"context"
	"errors"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/internal/smoke"
	"github.com/rollbackd/rollbackd/notifier"
	"github.com/rollbackd/rollbackd/rollback"
)

// The errors that the ports answer with.
var (
	// ErrExists: the key is taken.
	ErrExists = errors.New("the watch exists already")
	// ErrTooLarge: the journal will never take an entry of this size.
	ErrTooLarge = errors.New("the entry is larger than NATS allows")
	// ErrFenced: another process appended to the journal first.
	ErrFenced = errors.New("another process writes this journal")
)

// Store keeps the watches.
type Store interface {
	// Create stores a new watch; ErrExists if the key is taken.
	Create(ctx context.Context, key string, value []byte) error
	// Put replaces a watch.
	Put(ctx context.Context, key string, value []byte) error
	// Get returns a watch.
	Get(ctx context.Context, key string) ([]byte, error)
	// All calls fn with every watch, or returns an error if it could not show all of them.
	All(ctx context.Context, fn func(key string, value []byte) error) error
}

// Journal keeps the entries of each watch.
type Journal interface {
	// Append appends an entry if last is still the sequence of the newest one; ErrFenced if it is not. Trying again
	// with the same id after an error is safe.
	Append(ctx context.Context, key, id string, data []byte, last uint64) (uint64, error)
	// Read calls fn with every entry in order, or returns an error.
	Read(ctx context.Context, key string, fn func(seq uint64, data []byte) error) error
}

// Annex keeps what is known of a watch beside its journal, and what nobody decides by: it is not folded into the watch, and
// does not disturb whoever writes the journal.
type Annex interface {
	// Note adds an entry; one with an ID that the annex has is left as it is. Trying again is safe.
	Note(ctx context.Context, key, id string, data []byte) error
	// ReadAll calls fn with every entry of the journal and of the annex, in the order in which they were stored.
	ReadAll(ctx context.Context, key string, fn func(seq uint64, data []byte) error) error
	// ReadFrom is ReadAll from the entry after the given sequence on.
	ReadFrom(ctx context.Context, key string, after uint64, fn func(seq uint64, data []byte) error) error
}

// Ledger keeps a small record of each watch for years, by keys that are tokens joined by dots.
type Ledger interface {
	// Put stores what change makes of the record that is there, nil if there is none; where it returns nil, nothing is changed.
	Put(ctx context.Context, key string, change func(old []byte) []byte) error
	// Each calls fn with every record whose key matches one of the patterns, in which "*" stands for one token and ">" for the rest,
	// in the order in which they last changed, from the one after the given place on. It returns fn's error as it is.
	Each(ctx context.Context, patterns []string, after uint64, fn func(place uint64, value []byte) error) error
}

// Names hands out names that nobody else holds.
type Names interface {
	// Claim returns base, or base with the first free number; the same owner always gets the same name again.
	Claim(ctx context.Context, base, owner string) (string, error)
	// Owner returns who holds a name; empty if nobody does.
	Owner(ctx context.Context, name string) (string, error)
}

// Holds keeps which workloads people hold, by environment, namespace and workload joined by dots.
type Holds interface {
	Put(ctx context.Context, key string, value []byte) error
	// All calls fn with every hold, or returns an error if it could not show all of them.
	All(ctx context.Context, fn func(key string, value []byte) error) error
}

// Cluster reads and changes the workloads, always live. Read answers rollback.ErrNotFound if, and only if, the API
// server says that there is no such workload.
type Cluster interface {
	CanaryReader
	Read(ctx context.Context, w rollback.Workload, sw *rollback.Switch) (rollback.Snapshot, error)
	// Inspect adds to a snapshot what planning needs to know of the pin's target beyond the workload.
	Inspect(ctx context.Context, pin rollback.Pin, s rollback.Snapshot) (rollback.Snapshot, error)
	Apply(ctx context.Context, p rollback.Plan, intentID string) (rollback.Result, string, error)
	Landed(ctx context.Context, p rollback.Plan, intentID string) (bool, error)
}

// Previewer asks the API server what it would say to a plan. The objection is empty if it has none.
type Previewer interface {
	Preview(ctx context.Context, p rollback.Plan) (objection string, err error)
}

// Scaler scales the old colour of a switch up.
type Scaler interface {
	ScaleUp(ctx context.Context, p rollback.ScalePlan) (rollback.Result, string, error)
}

// Pauser stops the rollout of a Deployment, and lets it go on if it is the given pause that stops it. Trying again after an
// error is safe.
type Pauser interface {
	Pause(ctx context.Context, p rollback.Pause) (rollback.Result, string, error)
	Resume(ctx context.Context, w rollback.Workload, mark rollback.PauseMark) (rollback.Result, string, error)
}

// Cache shows the workloads as the API server last told us.
type Cache interface {
	CanaryCache
	// Watch takes an interest in a workload; it does not wait for it to show.
	Watch(w rollback.Workload)
	Forget(w rollback.Workload)
	Cached(w rollback.Workload, sw *rollback.Switch) (rollback.Snapshot, bool)
}

// Sampler measures signals, and what happens around a release that is suspected.
type Sampler interface {
	Around(ctx context.Context, sig analyzer.Signal, dep *analyzer.Dependencies, sus analyzer.Suspicion) (analyzer.Around, error)
	Sample(ctx context.Context, sig analyzer.Signal, subjects []analyzer.Subject) (map[string][]analyzer.Measurement, error)
	Baseline(ctx context.Context, sig analyzer.Signal, sub analyzer.Subject, span analyzer.Span) (analyzer.Baseline, error)
}

// Clock knows how far the time of Prometheus has come, which is what samples are stamped by.
type Clock interface {
	// Reached is the newest time of which there can be samples now.
	Reached(now time.Time) time.Time
}

// Smoker runs one round of a smoke test. A server that does not answer costs no more than the checks' own timeouts.
type Smoker interface {
	Round(ctx context.Context, test analyzer.Smoke, about smoke.Names) analyzer.SmokeRound
}

// Records writes the files of a watch.
type Records interface {
	Write(w Watch, entries []incident.Entry) error
}

// Teller tells people.
type Teller interface {
	// Send never blocks. A notice whose ID was sent before is told no second time.
	Send(n notifier.Notice)
	// Kept returns once all that was sent is stored, or cannot be now, or ctx is done.
	Kept(ctx context.Context)
}

// Rejecter tells publishers what was wrong with an event that had been accepted.
type Rejecter interface {
	Reject(ctx context.Context, t event.Target, streamSeq uint64, r *event.Rejection) error
}
