package notifier

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"go.uber.org/zap"
)

// This file shows what is still to be told and what never was, and tries the latter once more.

// Standing is how one notice stands with one sink.
type Standing struct {
	ID   string `json:"id"`
	Sink string `json:"sink"`
	// State is Queued, Trying or Dead.
	State    State     `json:"state"`
	Severity Severity  `json:"severity"`
	Title    string    `json:"title"`
	At       time.Time `json:"at"`
	// Attempts is how often it was tried, as far as this process knows; Error why it was not taken, empty if it was not tried.
	Attempts    int    `json:"attempts,omitempty"`
	Error       string `json:"error,omitempty"`
	Environment string `json:"environment,omitempty"`
	Workload    string `json:"workload,omitempty"`
	Watch       string `json:"watch,omitempty"`
	Incident    string `json:"incident,omitempty"`
}

// State says whether a notice may still be told.
type State string

// The states of a notice at a sink.
const (
	// Queued: it was not tried yet.
	Queued State = "queued"
	// Trying: the sink has not taken it, and it is tried again.
	Trying State = "trying"
	// Dead: it was given up, and is kept as a dead letter.
	Dead State = "dead"
)

// DeadLetters is what an Outbox may be too: it shows the dead letters that it keeps.
type DeadLetters interface {
	// Dead calls fn with every dead letter, or returns an error if it could not show all of them.
	Dead(ctx context.Context, fn func(id string, parcel []byte) error) error
	// Forget takes a dead letter away.
	Forget(ctx context.Context, id string) error
}

func standing(n Notice, sink string, s State) Standing {
	return Standing{
		ID: n.ID, Sink: sink, State: s, Severity: n.Severity, Title: n.Title, At: n.At,
		Environment: n.Environment, Workload: n.Workload, Watch: n.Watch, Incident: n.Incident,
	}
}

// Waiting returns what is still to be told by this process, by sink in the order of arrival. Sinks of which nobody needs to know are left out.
func (d *Dispatcher) Waiting() []Standing {
	var out []Standing
	for _, l := range d.lanes {
		if l.Unrecorded {
			continue
		}
		l.mu.Lock()
		for _, it := range l.queue.items {
			s := standing(it.notice, l.name(), Queued)
			s.Attempts, s.Error = it.attempts, it.refused
			if it.refused != "" {
				s.State = Trying
			}
			out = append(out, s)
		}
		l.mu.Unlock()
	}
	return out
}

// Dead returns the dead letters, of each the sinks that were not told, the oldest first.
func (d *Dispatcher) Dead(ctx context.Context) ([]Standing, error) {
	var out []Standing
	err := d.eachDead(ctx, func(p *parcel) error {
		for sink, r := range p.Results {
			if r != Sent {
				s := standing(p.Notice, sink, Dead)
				s.Error = p.Errors[sink]
				out = append(out, s)
			}
		}
		return nil
	})
	slices.SortStableFunc(out, func(a, b Standing) int { return a.At.Compare(b.At) })
	return out, err
}

// errNoDeadLetters: nothing is kept without an outbox that keeps it.
var errNoDeadLetters = errors.New("no dead letters are kept")

func (d *Dispatcher) eachDead(ctx context.Context, fn func(*parcel) error) error {
	letters, ok := d.opts.Outbox.(DeadLetters)
	if !ok {
		return errNoDeadLetters
	}
	return letters.Dead(ctx, func(id string, data []byte) error {
		var p parcel
		if err := json.Unmarshal(data, &p); err != nil || p.Notice.ID != id {
			d.opts.Logger.Error("a dead letter cannot be read and is passed over", zap.String("notice", oneLine(id)), zap.Error(err))
			return nil
		}
		return fn(&p)
	})
}

// Retry has the dead letters tried once more that are wanted, at the sinks that were not told, for as long as new notices are. It returns how many
// these are.
func (d *Dispatcher) Retry(ctx context.Context, wanted func(Standing) bool) (int, error) {
	var found []*parcel
	err := d.eachDead(ctx, func(p *parcel) error {
		if !wanted(standing(p.Notice, "", Dead)) {
			return nil
		}
		for sink, r := range p.Results {
			if r != Sent {
				delete(p.Results, sink)
			}
		}
		p.Taken, p.Errors = time.Now(), nil
		found = append(found, p)
		return nil
	})
	if err != nil {
		return 0, err
	}
	sortByTaken(found)
	d.mu.Lock()
	d.revived = append(d.revived, found...)
	d.mu.Unlock()
	d.poke()
	return len(found), nil
}

// revive takes dead letters up. They are stored as to be told before they are taken away: whoever dies in between leaves both.
func (d *Dispatcher) revive(work context.Context) {
	d.mu.Lock()
	revived := d.revived
	d.revived = nil
	d.mu.Unlock()
	letters, ok := d.opts.Outbox.(DeadLetters)
	for _, p := range revived {
		d.mu.Lock()
		_, again := d.parcels[p.Notice.ID]
		if !again {
			d.parcels[p.Notice.ID] = p
		}
		d.mu.Unlock()
		if again {
			continue
		}
		d.store(work, p)
		if ok && !d.unstored[p.Notice.ID] {
			bounded, cancel := context.WithTimeout(context.WithoutCancel(work), outboxPatience)
			if err := letters.Forget(bounded, p.Notice.ID); err != nil {
				d.outboxFailed("a dead letter that is tried again could not be taken away", err)
			}
			cancel()
		}
		d.takeUp(p)
	}
}
