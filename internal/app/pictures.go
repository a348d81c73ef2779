package app

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/rollbackd/rollbackd/internal/incident"
)

// pictures draws the charts of incidents for receivers that want them as PNG. It reads the journal, so that every replica can draw those of
// every watch, ended ones too.
type pictures struct {
	names interface {
		Owner(ctx context.Context, name string) (string, error)
	}
	journal interface {
		ReadAll(ctx context.Context, watchKey string, each func(seq uint64, data []byte) error) error
	}
}

// Picture implements notifier.Pictures.
func (p pictures) Picture(ctx context.Context, id string) ([]byte, error) {
	key, err := p.names.Owner(ctx, id)
	if err != nil || key == "" {
		return nil, err
	}
	var entries []incident.Entry
	err = p.journal.ReadAll(ctx, key, func(seq uint64, data []byte) error {
		e := incident.Entry{Seq: seq}
		if err := json.Unmarshal(data, &e); err != nil {
			return fmt.Errorf("journal entry %d: %w", seq, err)
		}
		entries = append(entries, e)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("draw the chart of %s: %w", id, err)
	}
	return incident.Picture(entries)
}
