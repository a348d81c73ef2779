package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"
)

// maxNames is how many owners of one base are told apart.
const maxNames = 10000

// Names gives names away, each to one owner and for good.
type Names struct {
	bucket jetstream.KeyValue
	calls  calls
}

// claim is who holds a name, and for which base: base "x" leads to "x-2", but so does base "x-2".
type claim struct {
	Owner string `json:"owner"`
	Base  string `json:"base"`
}

// Claim returns the first of base, base-2, base-3, … that no other owner has. An owner that asks again for the same
// base gets the same name, also if it was never told of it. base has letters, digits, '-', '_', and single dots
// between them.
func (n *Names) Claim(ctx context.Context, base, owner string) (string, error) {
	if !regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`).MatchString(base) {
		return "", fmt.Errorf("%q is not fit for a name", base)
	}
	wanted := claim{Owner: owner, Base: base}
	for i := 1; i <= maxNames; i++ {
		name := base
		if i > 1 {
			name += "-" + strconv.Itoa(i)
		}
		holder, err := n.hold(ctx, name, wanted)
		if err != nil {
			return "", wrap("claim name", name, err)
		}
		if holder == wanted {
			return name, nil
		}
	}
	return "", fmt.Errorf("unable to claim name %q: %d owners hold one already", base, maxNames)
}

// hold returns who holds the name, after trying to make it the one who wants it.
func (n *Names) hold(ctx context.Context, name string, wanted claim) (holder claim, err error) {
	value, err := json.Marshal(wanted)
	if err != nil {
		return claim{}, err
	}
	err = n.calls.retry(ctx, func(ctx context.Context) error {
		entry, err := n.bucket.Get(ctx, name)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			if _, err = n.bucket.Create(ctx, name, value); err == nil {
				holder = wanted
				return nil
			}
			if lostRace(err) {
				entry, err = n.bucket.Get(ctx, name)
			}
		}
		if err != nil {
			return err
		}
		return json.Unmarshal(entry.Value(), &holder)
	})
	return holder, err
}
