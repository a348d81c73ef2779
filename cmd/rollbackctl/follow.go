package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// followEvery is how often a watch is looked at.
const followEvery = time.Second

// followTo tells of each state that a watch is seen in until it ends, which is a refusal unless it ends well.
func (p *person) followTo(ctx context.Context, target event.Target, key string, well ...watch.State) error {
	said := watch.State("")
	ticker := time.NewTicker(followEvery)
	defer ticker.Stop()
	for {
		views, _, err := p.watches(ctx, target, key)
		if err != nil {
			return err
		}
		for _, v := range views {
			if v.ID != key || v.State == said {
				continue
			}
			said = v.State
			if err := p.tellState(v); err != nil {
				return err
			}
			switch {
			case v.Final && slices.Contains(well, v.State):
				return nil
			case v.Final:
				return refusal{fmt.Errorf("it ended as %s: %s", v.State, plain(v.Reason))}
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// tellState writes a line for a person, or a document for a program.
func (p *person) tellState(v watch.View) error {
	if p.output == outputJSON {
		return writeJSON(p.around.out, v)
	}
	_, err := fmt.Fprintf(p.around.out, "%s  %s: %s\n", v.Since.UTC().Format(time.TimeOnly), v.State, plain(cmp.Or(v.Reason, "accepted")))
	return err
}
