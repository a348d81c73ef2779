package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
)

// keepEvery is how often the stores are looked for.
const keepEvery = 3 * time.Second

// store is a stream that must be there, and what makes it.
type store struct {
	name string
	make func(context.Context) error
}

// kvPrefix is what JetStream puts before a bucket's name to name its stream.
const kvPrefix = "KV_"

func (b *Bus) stores() []store {
	var out []store
	for _, stream := range b.streams() {
		out = append(out, store{stream.Name, func(ctx context.Context) error { return b.ensureStream(ctx, stream) }})
	}
	for _, bucket := range b.buckets() {
		out = append(out, store{kvPrefix + bucket.Bucket, func(ctx context.Context) error { return b.ensureBucket(ctx, bucket) }})
	}
	return out
}

// keep makes the stores again that somebody deletes, until ctx ends. A lost consumer tells of its own stream only: the
// others would stay away, and everything that is to be stored in them would fail.
func (b *Bus) keep(ctx context.Context) {
	ticker := time.NewTicker(keepEvery)
	defer ticker.Stop()
	defer b.backlog.forget()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if b.nc.IsConnected() { // without a connection that is what is wrong
			b.keepAll(ctx)
			b.measureBacklog(ctx)
		}
	}
}

// keepAll looks at every store, also after one that cannot be made again, and notes what is wrong.
func (b *Bus) keepAll(ctx context.Context) {
	var failed error
	for _, s := range b.stores() {
		err := b.keepOne(ctx, s)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("stream %s: %w", s.name, err))
			b.missing.set(failed) // at once: the others may take a while
		}
	}
	b.missing.set(failed)
}

// keepOne leaves a store that is there alone: it was mended when the bus was opened.
func (b *Bus) keepOne(ctx context.Context, s store) error {
	err := b.calls.retry(ctx, func(ctx context.Context) error {
		_, err := b.js.Stream(ctx, s.name)
		return err
	})
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return err
	}
	b.log.Warn("a stream is gone; making it again", zap.String("stream", s.name))
	if err := b.calls.retry(ctx, s.make); err != nil {
		return fmt.Errorf("it is gone and cannot be made again: %w", err)
	}
	return nil
}
