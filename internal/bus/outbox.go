package bus

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// How long what is told is remembered. Watches are open for a day or so, and only of these something may be sent again.
const (
	// outboxAge is how long dead letters are kept for people to find, and what is still to be told for the next run.
	outboxAge = 30 * 24 * time.Hour
	// toldAge is how long it is known that a notice was told.
	toldAge = 7 * 24 * time.Hour
	// memoryAge is how long a sink's memory lasts after it was put.
	memoryAge = 60 * 24 * time.Hour
)

func outboxBucket(instance string) string { return "rollbackd-outbox-" + instance }
func toldBucket(instance string) string   { return "rollbackd-told-" + instance }
func memoryBucket(instance string) string { return "rollbackd-memory-" + instance }

// The beginnings of an outbox's keys.
const (
	todoPrefix = "todo."
	deadPrefix = "dead."
)

// Outbox keeps what is still to be told, dead letters, and for a while which notices were told.
type Outbox struct {
	parcels, told jetstream.KeyValue
	calls         calls
}

// Told reports whether Done was called for the notice within the last days.
func (o *Outbox) Told(ctx context.Context, id string) (bool, error) {
	found := false
	err := o.calls.retry(ctx, func(ctx context.Context) error {
		_, err := o.told.Get(ctx, id)
		found = err == nil
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			return nil
		}
		return err
	})
	return found, wrap("look up notice", id, err)
}

// Store keeps a parcel in place of the one before.
func (o *Outbox) Store(ctx context.Context, id string, parcel []byte) error {
	err := o.calls.retry(ctx, func(ctx context.Context) error {
		_, err := o.parcels.Put(ctx, todoPrefix+id, parcel)
		return err
	})
	return wrap("store notice", id, err)
}

// Done marks a notice as told, first of all, and takes its parcel away. With dead, that is kept as a dead letter.
func (o *Outbox) Done(ctx context.Context, id string, dead []byte) error {
	err := o.calls.retry(ctx, func(ctx context.Context) error {
		if _, err := o.told.Put(ctx, id, nil); err != nil {
			return err
		}
		if dead != nil {
			if _, err := o.parcels.Put(ctx, deadPrefix+id, dead); err != nil {
				return err
			}
		}
		return o.parcels.Purge(ctx, todoPrefix+id)
	})
	return wrap("finish notice", id, err)
}

// All calls fn for every parcel that is stored and not done. It returns fn's error as it is, and another if they could not all be read.
func (o *Outbox) All(ctx context.Context, fn func(id string, parcel []byte) error) error {
	return (&Watches{bucket: o.parcels, calls: o.calls}).All(ctx, func(key string, value []byte, _ uint64) error {
		if id, ok := strings.CutPrefix(key, todoPrefix); ok {
			return fn(id, value)
		}
		return nil
	})
}

// Memory keeps what sinks remember.
type Memory struct {
	bucket jetstream.KeyValue
	calls  calls
}

// Get returns nil if there is no such key.
func (m *Memory) Get(ctx context.Context, key string) ([]byte, error) {
	var value []byte
	err := m.calls.retry(ctx, func(ctx context.Context) error {
		entry, err := m.bucket.Get(ctx, key)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			return nil
		}
		if err == nil {
			value = entry.Value()
		}
		return err
	})
	return value, wrap("remember", key, err)
}

// Put stores a value in place of the one before.
func (m *Memory) Put(ctx context.Context, key string, value []byte) error {
	err := m.calls.retry(ctx, func(ctx context.Context) error {
		_, err := m.bucket.Put(ctx, key, value)
		return err
	})
	return wrap("keep in mind", key, err)
}

// openOutbox binds what telling is kept in.
func (b *Bus) openOutbox(ctx context.Context) error {
	var buckets [3]jetstream.KeyValue
	for i, name := range []string{outboxBucket(b.options.Instance), toldBucket(b.options.Instance), memoryBucket(b.options.Instance)} {
		var err error
		if buckets[i], err = b.bucket(ctx, name); err != nil {
			return err
		}
	}
	b.outbox = &Outbox{parcels: buckets[0], told: buckets[1], calls: b.calls}
	b.memory = &Memory{bucket: buckets[2], calls: b.calls}
	return nil
}

// Outbox is the store of what is still to be told.
func (b *Bus) Outbox() *Outbox { return b.outbox }

// Memory is the store of what sinks remember.
func (b *Bus) Memory() *Memory { return b.memory }

// Dead calls fn for every dead letter that is kept. It returns fn's error as it is, and another if they could not all be read.
func (o *Outbox) Dead(ctx context.Context, fn func(id string, parcel []byte) error) error {
	return (&Watches{bucket: o.parcels, calls: o.calls}).All(ctx, func(key string, value []byte, _ uint64) error {
		if id, ok := strings.CutPrefix(key, deadPrefix); ok {
			return fn(id, value)
		}
		return nil
	})
}

// Forget takes a dead letter away.
func (o *Outbox) Forget(ctx context.Context, id string) error {
	return wrap("forget dead letter", id, o.calls.retry(ctx, func(ctx context.Context) error { return o.parcels.Purge(ctx, deadPrefix+id) }))
}
