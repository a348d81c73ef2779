package app

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/rollbackd/rollbackd/internal/watch"
)

// gate says why nothing may be begun now; nil if it may. It is asked right before whatever changes something: a process that
// was frozen may wake up when another replica has led for long.
type gate func() error

// open is the gate of a daemon that runs alone.
func open() error { return nil }

// gatedTransport lets calls that change something pass only while the gate is open. It is asked as close to the wire as
// can be; what is held up behind it is for the patch's own preconditions to refuse.
type gatedTransport struct {
	gate gate
	next http.RoundTripper
}

func (t gatedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if !slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodOptions}, r.Method) {
		if err := t.gate(); err != nil {
			if r.Body != nil {
				_ = r.Body.Close() // as every RoundTripper must
			}
			return nil, notBegun(err)
		}
	}
	return t.next.RoundTrip(r)
}

func notBegun(why error) error { return fmt.Errorf("not begun: %w", why) }

// gatedJournal appends only while the gate is open.
type gatedJournal struct {
	watch.Journal
	gate gate
}

func (j gatedJournal) Append(ctx context.Context, key, id string, data []byte, last uint64) (uint64, error) {
	if err := j.gate(); err != nil {
		return 0, notBegun(err)
	}
	return j.Journal.Append(ctx, key, id, data, last)
}

// gatedStore stores only while the gate is open.
type gatedStore struct {
	watch.Store
	gate gate
}

func (s gatedStore) Create(ctx context.Context, key string, value []byte) error {
	if err := s.gate(); err != nil {
		return notBegun(err)
	}
	return s.Store.Create(ctx, key, value)
}

func (s gatedStore) Put(ctx context.Context, key string, value []byte) error {
	if err := s.gate(); err != nil {
		return notBegun(err)
	}
	return s.Store.Put(ctx, key, value)
}

// gatedNames claims only while the gate is open.
type gatedNames struct {
	watch.Names
	gate gate
}

func (n gatedNames) Claim(ctx context.Context, base, owner string) (string, error) {
	if err := n.gate(); err != nil {
		return "", notBegun(err)
	}
	return n.Names.Claim(ctx, base, owner)
}

// gatedHolds holds only while the gate is open.
type gatedHolds struct {
	watch.Holds
	gate gate
}

func (h gatedHolds) Put(ctx context.Context, key string, value []byte) error {
	if err := h.gate(); err != nil {
		return notBegun(err)
	}
	if err := h.Holds.Put(ctx, key, value); err != nil {
		return err
	}
	// Where the gate was shut meanwhile, another replica may have read the holds before this one was stored.
	if err := h.gate(); err != nil {
		return fmt.Errorf("whoever leads now may not know of it: %w", err)
	}
	return nil
}

// gatedLedger stores only while the gate is open.
type gatedLedger struct {
	watch.Ledger
	gate gate
}

func (l gatedLedger) Put(ctx context.Context, key string, change func(old []byte) []byte) error {
	if err := l.gate(); err != nil {
		return notBegun(err)
	}
	return l.Ledger.Put(ctx, key, change)
}

// gatedNumbers gives numbers away only while the gate is open.
type gatedNumbers struct {
	watch.Numbers
	gate gate
}

func (n gatedNumbers) Take(ctx context.Context, owner string, above uint64) (uint64, error) {
	if err := n.gate(); err != nil {
		return 0, notBegun(err)
	}
	return n.Numbers.Take(ctx, owner, above)
}

func (n gatedNumbers) Note(ctx context.Context, number uint64, step int) error {
	if err := n.gate(); err != nil {
		return notBegun(err)
	}
	return n.Numbers.Note(ctx, number, step)
}
