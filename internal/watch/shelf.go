package watch

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/internal/mask"
)

// Shelf is what is recorded of watches, for whoever only reads.
type Shelf struct {
	// Ledger has the digests.
	Ledger interface {
		Each(ctx context.Context, patterns []string, after uint64, fn func(place uint64, value []byte) error) error
	}
	// Names know which watch an incident is of.
	Names interface {
		Owner(ctx context.Context, name string) (string, error)
	}
	// Annex has the journals, and what stands beside them.
	Annex interface {
		ReadFrom(ctx context.Context, key string, after uint64, fn func(seq uint64, data []byte) error) error
	}
	// Mask hides what is secret.
	Mask mask.Masker
}

func (o Options) shelf() Shelf {
	return Shelf{Ledger: o.Ledger, Names: o.Names, Annex: o.Annex, Mask: o.Mask}
}

// Newest returns the newest digests that are wanted, at most as many as that, and whether there are more. It reads all of the ledger, a few
// records at a time, and keeps no more of them than it returns.
func (s Shelf) Newest(ctx context.Context, q LedgerQuery) (found []incident.Digest, more bool, err error) {
	target := event.Target{Environment: cmp.Or(q.Environment, "*"), Namespace: q.Namespace}
	if strings.ContainsAny(target.Environment+q.Namespace, ".> ") { // which are names of nothing
		return []incident.Digest{}, false, nil
	}
	found = make([]incident.Digest, 0, q.Most+2)
	err = s.Ledger.Each(ctx, patterns(target, q.All), 0, func(_ uint64, value []byte) error {
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
func (s Shelf) Digest(ctx context.Context, name string) (incident.Digest, error) {
	if strings.ContainsAny(name, "*> ") {
		return incident.Digest{}, nil
	}
	key := name
	if !strings.Contains(name, ".") { // of a key there are three parts
		owner, err := s.Names.Owner(ctx, name)
		if err != nil || owner == "" {
			return incident.Digest{}, err
		}
		key = owner
	}
	var found incident.Digest
	err := s.Ledger.Each(ctx, []string{classIncident + "." + key, classWatch + "." + key}, 0, func(_ uint64, value []byte) error {
		if d, ok := decodeDigest(value); ok && (name == d.Watch || name == d.Incident) {
			found = d.Digest
		}
		return nil
	})
	return found, err
}

// Entries reads the journal and the annex of a watch as they may be shown, in their order; none if there is no such watch.
func (s Shelf) Entries(ctx context.Context, key string) ([]incident.Entry, error) {
	entries, err := s.entriesOf(ctx, key)
	return incident.Hide(entries, s.Mask), err
}

// entriesOf reads the journal and the annex of a watch.
func (s Shelf) entriesOf(ctx context.Context, key string) ([]incident.Entry, error) {
	var entries []incident.Entry
	err := s.Annex.ReadFrom(ctx, key, 0, func(seq uint64, data []byte) error {
		var e incident.Entry
		if err := json.Unmarshal(data, &e); err != nil {
			return err
		}
		e.Seq = seq
		entries = append(entries, e)
		return nil
	})
	return entries, err
}
