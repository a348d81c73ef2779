package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// ledgerAge is how long a record is kept after its last change: two years, and what quarterly reviews look back on.
const ledgerAge = 800 * 24 * time.Hour

// ledgerBatch is how many records are asked for at once; no more of them are in memory, however many there are.
const ledgerBatch = 256

// Ledger keeps one small record a watch for two years. Keys are tokens joined by dots, which records are found by.
type Ledger struct {
	js     jetstream.JetStream
	bucket jetstream.KeyValue
	name   string
	calls  calls
}

// Put stores what change makes of the record that is there, nil if there is none. Where change returns nil, everything stays as it
// is. It may be called more than once, because others write too.
func (l *Ledger) Put(ctx context.Context, key string, change func(old []byte) []byte) error {
	err := l.calls.retry(ctx, func(ctx context.Context) error {
		for {
			err := l.put(ctx, key, change)
			if !lostRace(err) {
				return err
			}
		}
	})
	return wrap("store in the ledger", key, err)
}

func (l *Ledger) put(ctx context.Context, key string, change func(old []byte) []byte) error {
	old, err := l.bucket.Get(ctx, key)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
		if value := change(nil); value != nil {
			_, err = l.bucket.Create(ctx, key, value)
			return err
		}
		return nil
	case err != nil:
		return err
	}
	if value := change(old.Value()); value != nil {
		_, err = l.bucket.Update(ctx, key, value, old.Revision())
	}
	return err
}

// Get returns a record. The error is ErrNotFound if there is none.
func (l *Ledger) Get(ctx context.Context, key string) (value []byte, err error) {
	err = l.calls.retry(ctx, func(ctx context.Context) error {
		entry, err := l.bucket.Get(ctx, key)
		if err == nil {
			value = entry.Value()
		}
		return err
	})
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		err = ErrNotFound
	}
	return value, wrap("read from the ledger", key, err)
}

// Each calls fn with every record whose key matches one of the patterns, in which "*" stands for one token and ">" for the
// rest, in the order in which they were last changed, from the one after the given place on. A record that changes meanwhile may come
// twice or, if it had not come yet, not at all: it comes after the place where the reading began to end. fn's error ends it, and is returned as it is.
func (l *Ledger) Each(ctx context.Context, patterns []string, after uint64, fn func(place uint64, value []byte) error) error {
	stream, err := l.stream(ctx)
	if err != nil {
		return err
	}
	r := &ledgerReader{ledger: l, stream: stream, patterns: patterns, place: after, end: stream.CachedInfo().State.LastSeq, fn: fn}
	for attempt := 1; ; attempt++ {
		before := r.place
		err := r.read(ctx)
		switch {
		case r.fnErr != nil:
			return r.fnErr
		case err == nil:
			return nil
		case r.place > before:
			attempt = 1
		case !transient(err) || ctx.Err() != nil || attempt >= readAttempts:
			return fmt.Errorf("unable to read the ledger: %w", err)
		}
	}
}

func (l *Ledger) stream(ctx context.Context) (stream jetstream.Stream, err error) {
	err = l.calls.retry(ctx, func(ctx context.Context) (err error) {
		stream, err = l.js.Stream(ctx, kvPrefix+l.name)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("unable to read the ledger: %w", err)
	}
	return stream, nil
}

// ledgerReader reads records up to the place end, which was the newest one's when the reading began.
type ledgerReader struct {
	ledger     *Ledger
	stream     jetstream.Stream
	patterns   []string
	place, end uint64
	fn         func(place uint64, value []byte) error
	fnErr      error
}

// read goes on after the place that was reached. The server forgets the consumer by itself if it cannot be deleted.
func (r *ledgerReader) read(ctx context.Context) error {
	if r.place >= r.end {
		return nil
	}
	subjects := make([]string, len(r.patterns))
	for i, pattern := range r.patterns {
		subjects[i] = "$KV." + r.ledger.name + "." + pattern
	}
	bounded, cancel := context.WithTimeout(ctx, r.ledger.calls.timeout)
	defer cancel()
	consumer, err := r.stream.CreateConsumer(bounded, jetstream.ConsumerConfig{
		FilterSubjects: subjects, AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1,
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: r.place + 1, InactiveThreshold: 30 * time.Second,
	})
	if err != nil {
		return err
	}
	defer func() {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.ledger.calls.timeout)
		defer cancel()
		_ = r.stream.DeleteConsumer(bounded, consumer.CachedInfo().Name)
	}()
	pending := consumer.CachedInfo().NumPending
	for delivered := uint64(0); pending > 0 && r.place < r.end; {
		if delivered, pending, err = r.batch(ctx, consumer, delivered, pending); err != nil {
			return err
		}
	}
	return nil
}

// batch hands on a few records. It never asks for more than there are: the rest of a batch would be waited for.
func (r *ledgerReader) batch(ctx context.Context, consumer jetstream.Consumer, delivered, pending uint64) (uint64, uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, r.ledger.calls.timeout)
	defer cancel()
	batch, err := consumer.Fetch(int(min(pending, ledgerBatch)), jetstream.FetchContext(ctx))
	if err != nil {
		return delivered, pending, err
	}
	before := delivered
	for msg := range batch.Messages() {
		metadata, err := msg.Metadata()
		if err != nil {
			return delivered, pending, err
		}
		delivered, pending = delivered+1, metadata.NumPending
		if metadata.Sequence.Consumer != delivered {
			return delivered, pending, fmt.Errorf("a record after %d was lost on the way: %w", r.place, context.DeadlineExceeded)
		}
		if err := r.take(msg, metadata.Sequence.Stream); err != nil {
			return delivered, pending, err
		}
	}
	if err := batch.Error(); err != nil {
		return delivered, pending, err
	}
	if delivered == before {
		return delivered, pending, fmt.Errorf("nothing came after %d: %w", r.place, context.DeadlineExceeded)
	}
	return delivered, pending, nil
}

// take hands on one record. A deleted one is empty.
func (r *ledgerReader) take(msg jetstream.Msg, place uint64) error {
	if place <= r.end && len(msg.Data()) > 0 {
		if r.fnErr = r.fn(place, msg.Data()); r.fnErr != nil {
			return r.fnErr
		}
	}
	r.place = min(place, r.end)
	return nil
}
