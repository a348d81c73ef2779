package bus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// The errors of the stores that callers tell apart.
var (
	// ErrExists means that the key was created before.
	ErrExists = errors.New("the key exists")
	// ErrConflict means that the key was changed since the revision given, or does not exist.
	ErrConflict = errors.New("the key was changed by another writer")
	// ErrNotFound means that there is no such key.
	ErrNotFound = errors.New("no such key")
	// ErrFenced means that another writer appended to the journal first.
	ErrFenced = errors.New("another writer appended to the journal")
)

// Watches keeps one value a watch. A key is forgotten 60 days after its last change.
type Watches struct {
	bucket jetstream.KeyValue
	calls  calls
}

// Create stores the value under a new key and returns its revision. The error is ErrExists if the key is there. A
// write whose answer was lost is recognised by its value.
func (w *Watches) Create(ctx context.Context, key string, value []byte) (uint64, error) {
	revision, err := w.write(ctx, key, value, func(ctx context.Context) (uint64, error) {
		return w.bucket.Create(ctx, key, value)
	})
	if lostRace(err) {
		return 0, fmt.Errorf("unable to create watch %q: %w", key, ErrExists)
	}
	return revision, wrap("create watch", key, err)
}

// Update replaces the value if its revision is still the one given, and returns the new one. The error is ErrConflict
// if it is not. A write whose answer was lost is recognised by its value: values of different writers must differ.
func (w *Watches) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	next, err := w.write(ctx, key, value, func(ctx context.Context) (uint64, error) {
		return w.bucket.Update(ctx, key, value, revision)
	})
	if lostRace(err) {
		return 0, fmt.Errorf("unable to update watch %q: %w", key, ErrConflict)
	}
	return next, wrap("update watch", key, err)
}

// write repeats a conditional write. If an attempt's answer was lost, a later one loses the race against it.
func (w *Watches) write(ctx context.Context, key string, value []byte,
	attempt func(context.Context) (uint64, error),
) (revision uint64, err error) {
	unsure := false
	err = w.calls.retry(ctx, func(ctx context.Context) (err error) {
		revision, err = attempt(ctx)
		if !lostRace(err) || !unsure {
			unsure = unsure || ambiguous(err)
			return err
		}
		entry, readErr := w.bucket.Get(ctx, key)
		if readErr != nil {
			return readErr
		}
		if !bytes.Equal(entry.Value(), value) {
			return err
		}
		revision = entry.Revision()
		return nil
	})
	return revision, err
}

// Get returns a key's value and revision. The error is ErrNotFound if there is none.
func (w *Watches) Get(ctx context.Context, key string) (value []byte, revision uint64, err error) {
	err = w.calls.retry(ctx, func(ctx context.Context) error {
		entry, err := w.bucket.Get(ctx, key)
		if err != nil {
			return err
		}
		value, revision = entry.Value(), entry.Revision()
		return nil
	})
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		err = ErrNotFound
	}
	return value, revision, wrap("read watch", key, err)
}

// All calls fn for every key, in no order; one that changes meanwhile may come twice, its newest value last. It
// returns fn's error as it is, and another if the keys could not all be read.
func (w *Watches) All(ctx context.Context, fn func(key string, value []byte, revision uint64) error) error {
	return w.Since(ctx, 0, fn)
}

// Since is All without the keys that were last changed at the revision or before.
func (w *Watches) Since(ctx context.Context, revision uint64, fn func(key string, value []byte, revision uint64) error) error {
	options := []jetstream.WatchOpt{jetstream.IgnoreDeletes()}
	if revision > 0 {
		options = append(options, jetstream.ResumeFromRevision(revision+1))
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watcher, err := w.bucket.WatchAll(ctx, options...)
	if err != nil {
		return fmt.Errorf("unable to list watches: %w", err)
	}
	defer leave(watcher)
	idle := time.NewTimer(w.calls.timeout)
	defer idle.Stop()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("unable to list all watches: %w", ctx.Err())
		case <-idle.C:
			return fmt.Errorf("unable to list all watches: nothing came for %s", w.calls.timeout)
		case entry, open := <-watcher.Updates():
			if !open {
				return errors.New("unable to list all watches: the listing was cut off")
			}
			if entry == nil {
				return nil
			}
			if err := fn(entry.Key(), entry.Value(), entry.Revision()); err != nil {
				return err
			}
			idle.Reset(w.calls.timeout)
		}
	}
}

// leave ends a listing. What had come already is taken, because the client hands it over without looking whether anybody still listens,
// and would wait for that for ever.
func leave(watcher jetstream.KeyWatcher) {
	_ = watcher.Stop()
	go func() {
		for range watcher.Updates() {
		}
	}()
}

func wrap(action, key string, err error) error {
	if err != nil {
		return fmt.Errorf("unable to %s %q: %w", action, key, err)
	}
	return nil
}
