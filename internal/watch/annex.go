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
	e.Version, e.ID, e.Watch, e.At = incident.EntryVersion, id, w.Key, now()
	if e.Actor == "" {
		e.Actor = s.opts.actorName()
	}
	data, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode an entry of the annex: %w", err)
	}
	if err := s.opts.Annex.Note(ctx, w.Key, id, data); err != nil {
		return err
	}
	if newest, ok := s.Get(w.Key); ok {
		w = newest
	}
	s.records.ask(w)
	return nil
}
