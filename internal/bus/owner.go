package bus

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/nats-io/nats.go/jetstream"
)

// Owner returns who a name was given to, empty if to nobody.
func (n *Names) Owner(ctx context.Context, name string) (string, error) {
	var holder claim
	err := n.calls.retry(ctx, func(ctx context.Context) error {
		entry, err := n.bucket.Get(ctx, name)
		switch {
		case errors.Is(err, jetstream.ErrKeyNotFound), errors.Is(err, jetstream.ErrInvalidKey):
			return nil
		case err != nil:
			return err
		}
		return json.Unmarshal(entry.Value(), &holder)
	})
	return holder.Owner, wrap("look up name", name, err)
}
