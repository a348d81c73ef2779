package bus

import (
	"context"

	"github.com/nats-io/nats.go"
)

// Stored is what there is of an instance on NATS, for whoever only reads.
type Stored struct{ bus *Bus }

// OpenStored binds to what an instance has stored, and makes nothing: while no replica has led yet, the error says that there is nothing.
func OpenStored(ctx context.Context, nc *nats.Conn, options Options) (*Stored, error) {
	b, err := unopened(nc, options)
	if err != nil {
		return nil, err
	}
	if err := b.openStores(ctx); err != nil {
		return nil, err
	}
	return &Stored{b}, nil
}

// Since calls fn with each watch that was changed after the revision, as Watches.Since does.
func (s *Stored) Since(ctx context.Context, revision uint64, fn func(key string, value []byte, revision uint64) error) error {
	return s.bus.watches.Since(ctx, revision, fn)
}

// Each calls fn with records of the ledger, as Ledger.Each does.
func (s *Stored) Each(ctx context.Context, patterns []string, after uint64, fn func(place uint64, value []byte) error) error {
	return s.bus.ledger.Each(ctx, patterns, after, fn)
}

// Owner returns who holds a name, as Names.Owner does.
func (s *Stored) Owner(ctx context.Context, name string) (string, error) {
	return s.bus.names.Owner(ctx, name)
}

// ReadFrom reads the journal and the annex of a watch, as Journal.ReadFrom does.
func (s *Stored) ReadFrom(ctx context.Context, watchKey string, after uint64, fn func(seq uint64, data []byte) error) error {
	return s.bus.journal.ReadFrom(ctx, watchKey, after, fn)
}
