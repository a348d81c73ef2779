package watch

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
)

// This file shows the ledger and the records to pages: they want a few of the newest, by name.

// LedgerQuery says which digests are wanted. The zero value wants incidents of everywhere, and none of them: Most bounds how many.
type LedgerQuery struct {
	// Environment, Namespace and Workload leave out all others; empty ones leave out nothing.
	Environment, Namespace, Workload string
	// Since leaves out deployments that were accepted before, Open incidents that have ended; All adds deployments that were no incident.
	Since time.Time
	Open  bool
	All   bool
	// Before is where a page before this one ended; the zero value begins with the newest.
	Before LedgerMark
	Most   int
}

// LedgerMark is a place among digests, the newest first.
type LedgerMark struct {
	At    time.Time
	Watch string
}

// MarkOf is the place of a digest.
func MarkOf(d incident.Digest) LedgerMark { return LedgerMark{d.At(), d.Watch} }

// String is the mark as ParseLedgerMark reads it.
func (m LedgerMark) String() string { return m.At.UTC().Format(time.RFC3339Nano) + "_" + m.Watch }

// ParseLedgerMark reads a mark; "" is the zero one.
func ParseLedgerMark(text string) (LedgerMark, error) {
	if text == "" {
		return LedgerMark{}, nil
	}
	at, key, _ := strings.Cut(text, "_")
	t, err := time.Parse(time.RFC3339Nano, at)
	if err != nil {
		return LedgerMark{}, fmt.Errorf("%s is not where a page ended", event.Quote(text))
	}
	return LedgerMark{t, key}, nil
}

// compare orders the newest first, and of the same instant by key.
func (m LedgerMark) compare(o LedgerMark) int {
	return cmp.Or(o.At.Compare(m.At), cmp.Compare(m.Watch, o.Watch))
}

// Newest returns the newest digests that are wanted, as Shelf does.
func (s *Supervisor) Newest(ctx context.Context, q LedgerQuery) ([]incident.Digest, bool, error) {
	return s.opts.shelf().Newest(ctx, q)
}

// Digest returns what the ledger has of a watch, as Shelf does.
func (s *Supervisor) Digest(ctx context.Context, name string) (incident.Digest, error) {
	return s.opts.shelf().Digest(ctx, name)
}

// Entries reads the journal and the annex of a watch as they may be shown, in their order; none if there is no such watch.
func (s *Supervisor) Entries(ctx context.Context, key string) ([]incident.Entry, error) {
	entries, err := s.opts.entriesOf(ctx, key)
	if len(entries) > 0 {
		entries = append(entries, s.opts.stillTold(key, now())...)
	}
	return incident.Hide(entries, s.opts.Mask), err
}
