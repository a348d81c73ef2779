package watch

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/rollbackd/rollbackd/internal/incident"
)

// annex adds an entry to the annex of a watch, open or ended, and has its files written again. The ID tells the entry from
// all others of the watch: one that was added before, in this run or an earlier one, is left as it was. The entry's actor is the daemon unless it
// names another.
func (s *Supervisor) annex(ctx context.Context, w Watch, id string, e incident.Entry) error {
	if err := s.annotate(ctx, w.Key, id, e); err != nil {
		return err
	}
	if newest, ok := s.Get(w.Key); ok {
		w = newest
	}
	s.records.ask(w)
	return nil
}

// annotate adds an entry to the annex of the watch with the key.
func (s *Supervisor) annotate(ctx context.Context, key, id string, e incident.Entry) error {
	e.Version, e.ID, e.Watch, e.At = incident.EntryVersion, id, key, now()
	if e.Actor == "" {
		e.Actor = s.opts.actorName()
	}
	data, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode an entry of the annex: %w", err)
	}
	return s.opts.Annex.Note(ctx, key, id, data)
}

// entriesOf reads the journal and the annex of a watch.
func (o Options) entriesOf(ctx context.Context, key string) ([]incident.Entry, error) {
	return o.shelf().entriesOf(ctx, key)
}
