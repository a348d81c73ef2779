package bus

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"
)

// Holds keeps which workloads people hold.
type Holds struct {
	bucket jetstream.KeyValue
	calls  calls
}

// Put stores a hold in place of the one before. Whoever is later is right, so that nothing is compared.
func (h *Holds) Put(ctx context.Context, key string, value []byte) error {
	err := h.calls.retry(ctx, func(ctx context.Context) error {
		_, err := h.bucket.Put(ctx, key, value)
		return err
	})
	return wrap("store hold", key, err)
}

// All calls fn for every hold, in no order. It returns fn's error as it is, and another if they could not all be read.
func (h *Holds) All(ctx context.Context, fn func(key string, value []byte) error) error {
	all := &Watches{bucket: h.bucket, calls: h.calls}
	return all.All(ctx, func(key string, value []byte, _ uint64) error { return fn(key, value) })
}
