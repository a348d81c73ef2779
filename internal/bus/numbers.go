package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// lastNumber is the key of the number that was given away last; tokens of other keys begin otherwise.
	lastNumber = "last"
	numberOf   = "of."
	notedOf    = "noted."
)

// Numbers gives numbers away, from 1 on, each to one owner and for good, leaving none out.
//
// A number and its owner are written together, by compare-and-swap on one key; whoever takes the next one first writes down, under
// the owner's own key, who has this one. So a taker may die anywhere: its number is found again, and no other gets it.
type Numbers struct {
	js     jetstream.JetStream
	bucket jetstream.KeyValue
	name   string
	calls  calls
}

// given is a number and who has it.
type given struct {
	Number uint64 `json:"number"`
	Owner  string `json:"owner"`
}

// Take returns the owner's number, which is a new one when it asks first. New ones are larger than above: that is what is known to
// have been given away, should the store have been lost. The owner is fit for a key: tokens of letters, digits, '-', '_' and '=', joined by dots.
func (n *Numbers) Take(ctx context.Context, owner string, above uint64) (number uint64, err error) {
	err = n.calls.retry(ctx, func(ctx context.Context) error {
		for {
			var err error
			number, err = n.take(ctx, owner, above)
			if !lostRace(err) {
				return err
			}
		}
	})
	return number, wrap("take a number for", owner, err)
}

// take is one try; it is safe to repeat after any error, also one that leaves open what became of it.
func (n *Numbers) take(ctx context.Context, owner string, above uint64) (uint64, error) {
	last, revision, err := n.last(ctx)
	if err != nil {
		return 0, err
	}
	if err := n.settle(ctx, last); err != nil || last.Owner == owner {
		return last.Number, err
	}
	entry, err := n.bucket.Get(ctx, numberOf+owner)
	if err == nil {
		return strconv.ParseUint(string(entry.Value()), 10, 64)
	}
	if !errors.Is(err, jetstream.ErrKeyNotFound) {
		return 0, err
	}
	mine := given{Number: max(last.Number, above) + 1, Owner: owner}
	if err := n.give(ctx, mine, revision); err != nil {
		return 0, err
	}
	return mine.Number, n.settle(ctx, mine)
}

// last returns the number that was given away last; a zero one if there is none.
func (n *Numbers) last(ctx context.Context) (given, uint64, error) {
	entry, err := n.bucket.Get(ctx, lastNumber)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return given{}, 0, nil
	}
	if err != nil {
		return given{}, 0, err
	}
	var g given
	if err := json.Unmarshal(entry.Value(), &g); err != nil {
		return given{}, 0, fmt.Errorf("the last number cannot be read: %w", err)
	}
	return g, entry.Revision(), nil
}

// give makes g the last one, if the one of the revision still is.
func (n *Numbers) give(ctx context.Context, g given, revision uint64) error {
	value, err := json.Marshal(g)
	if err != nil {
		return err
	}
	if revision == 0 {
		_, err = n.bucket.Create(ctx, lastNumber, value)
		return err
	}
	_, err = n.bucket.Update(ctx, lastNumber, value, revision)
	return err
}

// settle writes down who has a number under the owner's key. Whoever does it writes the same.
func (n *Numbers) settle(ctx context.Context, g given) error {
	if g.Number == 0 {
		return nil
	}
	_, err := n.bucket.Create(ctx, numberOf+g.Owner, []byte(strconv.FormatUint(g.Number, 10)))
	if lostRace(err) {
		return nil
	}
	return err
}

// Since returns from when on numbers are given away: when the store was made.
func (n *Numbers) Since(ctx context.Context) (since time.Time, err error) {
	err = n.calls.retry(ctx, func(ctx context.Context) error {
		stream, err := n.js.Stream(ctx, kvPrefix+n.name)
		if err == nil {
			since = stream.CachedInfo().Created
		}
		return err
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("unable to look at the numbers: %w", err)
	}
	return since, nil
}

// Note keeps how far somebody has come with a number, and Noted returns it; zero if nothing was noted.
func (n *Numbers) Note(ctx context.Context, number uint64, step int) error {
	err := n.calls.retry(ctx, func(ctx context.Context) error {
		_, err := n.bucket.PutString(ctx, notedOf+strconv.FormatUint(number, 10), strconv.Itoa(step))
		return err
	})
	return wrap("note for number", strconv.FormatUint(number, 10), err)
}

// Noted returns what Note kept.
func (n *Numbers) Noted(ctx context.Context, number uint64) (step int, err error) {
	key := notedOf + strconv.FormatUint(number, 10)
	err = n.calls.retry(ctx, func(ctx context.Context) error {
		entry, err := n.bucket.Get(ctx, key)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			step = 0
			return nil
		}
		if err == nil {
			step, err = strconv.Atoi(string(entry.Value()))
		}
		return err
	})
	return step, wrap("read what is noted for", key, err)
}
