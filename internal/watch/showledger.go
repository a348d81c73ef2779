package watch

import (
	"cmp"
	"context"
	"fmt"
	"slices"
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

// Newest returns the newest digests that are wanted, at most as many as that, and whether there are more. It reads all of the ledger, a few
// records at a time, and keeps no more of them than it returns.
func (s *Supervisor) Newest(ctx context.Context, q LedgerQuery) (found []incident.Digest, more bool, err error) {
	target := event.Target{Environment: cmp.Or(q.Environment, "*"), Namespace: q.Namespace}
	if strings.ContainsAny(target.Environment+q.Namespace, ".> ") { // which are names of nothing
		return []incident.Digest{}, false, nil
	}
	found = make([]incident.Digest, 0, q.Most+2)
	err = s.opts.Ledger.Each(ctx, patterns(target, q.All), 0, func(_ uint64, value []byte) error {
		d, ok := decodeDigest(value)
		if !ok || !q.wants(d.Digest) {
			return nil
		}
		at, again := slices.BinarySearchFunc(found, d.Digest, func(a, b incident.Digest) int { return MarkOf(a).compare(MarkOf(b)) })
		switch {
		case again: // it changed while it was read
			found[at] = d.Digest
		case at <= q.Most:
			if found = slices.Insert(found, at, d.Digest); len(found) > q.Most+1 {
				found = found[:q.Most+1]
			}
		}
		return nil
	})
	more = len(found) > q.Most
	return found[:min(len(found), q.Most)], more, err
}

func (q LedgerQuery) wants(d incident.Digest) bool {
	switch {
	case q.Workload != "" && d.Workload != q.Workload, q.Namespace != "" && d.Namespace != q.Namespace,
		d.At().Before(q.Since), q.Open && !d.Open():
		return false
	}
	return q.Before == LedgerMark{} || q.Before.compare(MarkOf(d)) < 0
}

// Digest returns what the ledger has of a watch, by its key or by the ID of its incident; the zero value if it has nothing.
func (s *Supervisor) Digest(ctx context.Context, name string) (incident.Digest, error) {
	if strings.ContainsAny(name, "*> ") {
		return incident.Digest{}, nil
	}
	key := name
	if !strings.Contains(name, ".") { // of a key there are three parts
		owner, err := s.opts.Names.Owner(ctx, name)
		if err != nil || owner == "" {
			return incident.Digest{}, err
		}
		key = owner
	}
	var found incident.Digest
	err := s.opts.Ledger.Each(ctx, []string{classIncident + "." + key, classWatch + "." + key}, 0, func(_ uint64, value []byte) error {
		if d, ok := decodeDigest(value); ok && (name == d.Watch || name == d.Incident) {
			found = d.Digest
		}
		return nil
	})
	return found, err
}

// Entries reads the journal and the annex of a watch as they may be shown, in their order; none if there is no such watch.
func (s *Supervisor) Entries(ctx context.Context, key string) ([]incident.Entry, error) {
	entries, err := s.opts.entriesOf(ctx, key)
	if len(entries) > 0 {
		entries = append(entries, s.opts.stillTold(key, now())...)
	}
	return incident.Hide(entries, s.opts.Mask), err
}
