package backtest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rollbackd/rollbackd/internal/event"
)

// ReadEvents reads native events, one JSON document a line; empty lines are skipped. The error names every line that is no
// event, and why; the events of the other lines are returned all the same.
func ReadEvents(r io.Reader) ([]event.Event, error) {
	var out []event.Event
	var wrong []error
	lines := bufio.NewReader(r)
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return out, fmt.Errorf("read line %d: %w", n, err)
		}
		if text := bytes.TrimSpace(line); len(text) > 0 {
			e, rejection := event.Parse(text)
			if rejection != nil {
				wrong = append(wrong, fmt.Errorf("line %d: %w", n, rejection))
			} else {
				out = append(out, e)
			}
		}
		if err != nil {
			return out, errors.Join(wrong...)
		}
	}
}

// Run replays all deployments, a few at the same time, and hands on each outcome as soon as those before it are known, so
// that they come in the order of the deployments. It ends early only with the context.
func Run(ctx context.Context, opts Options, events []event.Event, parallel int, done func(Outcome)) error {
	events = asPairs(events)
	chain := succession(events)
	others := inTime(events)
	return inTurn(ctx, len(events), parallel, func(ctx context.Context, i int) []Outcome {
		o := Replay(ctx, opts, events[i], Surrounding{Successor: chain[i].at, Others: others})
		o.Next = chain[i].describe(events[i])
		return []Outcome{o}
	}, done)
}

// RunPlacebos judges all placebos as Run does deployments. Each has an outcome for each of the comparisons.
func RunPlacebos(ctx context.Context, opts Options, placebos []Placebo, deployments []event.Event, parallel int, done func(Outcome)) error {
	others := inTime(asPairs(deployments))
	return inTurn(ctx, len(placebos), parallel, func(ctx context.Context, i int) []Outcome {
		return ReplayPlacebo(ctx, opts, placebos[i], others)
	}, done)
}

func inTime(events []event.Event) []event.Event {
	return slices.SortedStableFunc(slices.Values(events), func(a, b event.Event) int { return a.Timestamp.Compare(b.Timestamp) })
}

// inTurn replays a number of deployments, a few at the same time, and hands on what came of each in their order.
func inTurn(ctx context.Context, number, parallel int, replay func(context.Context, int) []Outcome, done func(Outcome)) error {
	outcomes := make([]chan []Outcome, number)
	for i := range outcomes {
		outcomes[i] = make(chan []Outcome)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(1, parallel) + 1)
	group.Go(func() error {
		for _, outcome := range outcomes {
			select {
			case all := <-outcome:
				for _, o := range all {
					done(o)
				}
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for i := range number {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			all := patiently(ctx, func() []Outcome { return replay(ctx, i) })
			select { // one that is ready waits for those before it, so that no more are held than are replayed at a time
			case outcomes[i] <- all:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}
	return group.Wait()
}

// deploymentKey is what the two events of one deployment have in common: one that has the ID of another by mistake is a deployment of
// its own.
type deploymentKey struct{ key, version string }

func keyOf(e event.Event) deploymentKey { return deploymentKey{e.Key(), e.Version} }

// asPairs dates the second event of a pair like the first, and waits for its version as long: both tell of the same deployment.
func asPairs(events []event.Event) []event.Event {
	begun := map[deploymentKey]event.Event{}
	for _, e := range events {
		if first, known := begun[keyOf(e)]; !known || e.Timestamp.Before(first.Timestamp) {
			begun[keyOf(e)] = e
		}
	}
	out := slices.Clone(events)
	for i, e := range events {
		if e.ID != "" {
			out[i].Timestamp, out[i].Status = begun[keyOf(e)].Timestamp, begun[keyOf(e)].Status
		}
	}
	return out
}

// successor is the deployment that followed another of the same workload.
type successor struct {
	at      time.Time
	version string
}

// succession finds for each event the next one of its workload. The second event of a pair is none.
func succession(events []event.Event) []successor {
	byTarget := map[event.Target][]event.Event{}
	for _, e := range events {
		byTarget[e.Target()] = append(byTarget[e.Target()], e)
	}
	for _, list := range byTarget {
		slices.SortStableFunc(list, func(a, b event.Event) int { return a.Timestamp.Compare(b.Timestamp) })
	}
	out := make([]successor, len(events))
	for i, e := range events {
		for _, next := range byTarget[e.Target()] {
			if next.Timestamp.After(e.Timestamp) && keyOf(next) != keyOf(e) && (next.Version != e.Version || promotes(next, e)) {
				out[i] = successor{at: next.Timestamp, version: next.Version}
				break
			}
		}
	}
	return out
}

// promotes reports whether a deployment makes a canary's version the stable one, with which the canary is over.
func promotes(next, e event.Event) bool {
	return e.Strategy == event.StrategyCanary && next.Strategy != event.StrategyCanary
}

// describe says what became of a deployment.
func (s successor) describe(e event.Event) string {
	after := rough(s.at.Sub(e.Timestamp))
	switch {
	case s.at.IsZero():
		return "no later deployment"
	case s.version == e.PreviousVersion:
		return fmt.Sprintf("taken back to %s after %s", s.version, after)
	}
	return fmt.Sprintf("followed by %s after %s", s.version, after)
}

// patience are the pauses after which a deployment whose past could not be read is tried again: one hiccup among thousands of
// questions need not spoil a replay.
func patience() []time.Duration { return []time.Duration{time.Second, 5 * time.Second} }

func patiently(ctx context.Context, replay func() []Outcome) []Outcome {
	all := replay()
	for _, pause := range patience() {
		if !slices.ContainsFunc(all, func(o Outcome) bool { return o.Err != nil }) {
			return all
		}
		select {
		case <-ctx.Done():
			return all
		case <-time.After(pause):
			all = replay()
		}
	}
	return all
}
