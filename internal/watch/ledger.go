package watch

import (
	"context"
	"encoding/json"
	"strings"

	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
)

// This file writes the ledger: a digest of every watch that has ended, and of every incident from the moment it is opened. The
// recorder does so, before it marks a watch as rendered: what a crash left out is made up for by the next run.

// The classes of digests, which are the first token of their keys: incidents are found without reading all that went well.
const (
	classIncident = "incident"
	classWatch    = "watch"
)

// ledgerKey is where the ledger has the digest of a watch. Whether there was an incident is known when it is first written.
func (w Watch) ledgerKey() string {
	if w.Incident != "" {
		return classIncident + "." + w.Key
	}
	return classWatch + "." + w.Key
}

// account writes the digest of a watch that has ended or that is an incident.
func (r *recorder) account(ctx context.Context, w Watch, entries []incident.Entry) error {
	if !w.State.Final() && w.Incident == "" {
		return nil
	}
	return r.tally(ctx, w, entries)
}

// tally writes the digest of a watch, unless the ledger has a newer one.
func (r *recorder) tally(ctx context.Context, w Watch, entries []incident.Entry) error {
	lost := wasLost(entries)
	if lost {
		entries = w.retold(entries)
	}
	digest := incident.DigestOf(entries)
	var kept incident.Digest
	err := r.opts.Ledger.Put(ctx, w.ledgerKey(), func(old []byte) []byte {
		kept = digest
		if before, ok := decodeDigest(old); ok {
			if lost {
				kept = before.concluded(digest)
			}
			if kept.Seq <= before.Seq && kept.Final == before.Final {
				kept = before.Digest
				return nil
			}
		}
		return kept.Line()
	})
	if err == nil && kept.Incident != "" {
		r.told(kept)
	}
	return err
}

// retold puts before what is left of a lost journal what the watch itself still tells.
func (w Watch) retold(entries []incident.Entry) []incident.Entry {
	told := []incident.Entry{{At: w.AcceptedAt, Watch: w.Key, Accepted: &incident.Accepted{
		Subject: w.Subject, Event: w.Document, Policy: w.Policy.Name, Unannounced: w.Unannounced}}}
	if w.Pin != nil {
		told = append(told, incident.Entry{At: w.AcceptedAt, Pinned: w.Pin})
	}
	if w.Incident != "" {
		told = append(told, incident.Entry{At: w.Since, State: &incident.StateChange{To: string(w.State), Reason: w.Reason, Incident: w.Incident}})
	}
	return append(told, entries...)
}

// ledgerDigest is a digest with what the ledger knows of it.
type ledgerDigest struct{ incident.Digest }

// concluded takes over how a watch ended whose journal was lost: what was known before tells more of all else.
func (d ledgerDigest) concluded(end incident.Digest) incident.Digest {
	next := d.Digest
	if end.State != "" {
		next.State, next.Reason, next.Final, next.Times.Ended = end.State, end.Reason, end.Final, end.Times.Ended
	}
	if end.Postmortem != nil {
		next.Postmortem = end.Postmortem
	}
	next.Seq = end.Seq
	return next
}

func decodeDigest(data []byte) (ledgerDigest, bool) {
	var d incident.Digest
	if len(data) == 0 || json.Unmarshal(data, &d) != nil {
		return ledgerDigest{}, false
	}
	return ledgerDigest{d}, true
}

// patterns are the keys of the digests of a target, in which a dash stands for all.
func patterns(t event.Target, all bool) []string {
	namespace := t.Namespace
	if !event.IsName(namespace) {
		namespace = "*"
	}
	of := "." + strings.Join([]string{t.Environment, namespace, "*"}, ".")
	if all {
		return []string{classIncident + of, classWatch + of}
	}
	return []string{classIncident + of}
}

// makeUp has the recorder write the digests that the ledger lacks of watches that have ended: of those of a version that kept none,
// or if the ledger was lost.
func (s *Supervisor) makeUp(ctx context.Context) {
	s.mu.RLock()
	missing := make(map[string]string, len(s.ended))
	for key, w := range s.ended {
		missing[w.ledgerKey()] = key
	}
	s.mu.RUnlock()
	err := s.opts.Ledger.Each(ctx, []string{">"}, 0, func(_ uint64, value []byte) error {
		if d, ok := decodeDigest(value); ok {
			delete(missing, classWatch+"."+d.Watch)
			delete(missing, classIncident+"."+d.Watch)
		}
		return nil
	})
	if err != nil {
		s.opts.Log.Warn("the ledger cannot be read; what it lacks is made up for at the next start", zap.Error(err))
		return
	}
	for _, key := range missing {
		if w, ok := s.Get(key); ok {
			s.records.ask(w)
		}
	}
}
