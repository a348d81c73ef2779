package notifier

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"go.uber.org/zap"
)

// This file keeps what is still to be told over restarts.
//
// A notice is looked up before it is delivered, because whoever sends it may have sent it before a crash; it is stored, delivered, marked
// as told, and taken away. Whatever instruction the process dies at, the notice is told once, or again under the same ID. If the outbox
// does not answer in time, the notice is delivered from memory: a page must go out while NATS is down.

// Outbox keeps parcels until every sink has got its notice.
type Outbox interface {
	// Told reports whether a notice was marked as told to all, within the last days.
	Told(ctx context.Context, id string) (bool, error)
	// Store keeps a parcel in place of the one before.
	Store(ctx context.Context, id string, parcel []byte) error
	// Done marks a notice as told and takes its parcel away. What could not be told to some sink is kept as a dead letter; without any, dead is nil.
	Done(ctx context.Context, id string, dead []byte) error
	// All calls fn with every parcel that is stored and not done, or returns an error if it could not show all of them.
	All(ctx context.Context, fn func(id string, parcel []byte) error) error
}

// parcel is a notice with what came of it at each sink. It is used by one goroutine at a time: by whoever holds the dispatcher's lock.
type parcel struct {
	Notice Notice    `json:"notice"`
	Taken  time.Time `json:"taken"`
	// To are the sinks that it goes to, with the roles that it is for there.
	To Addressed `json:"to"`
	// Results is what came of it at each sink; one that is missing is still to be told.
	Results map[string]Result `json:"results,omitempty"`
	// Errors are why sinks were not told.
	Errors map[string]string `json:"errors,omitempty"`
}

// Result is what came of telling a sink.
type Result string

// The results.
const (
	// Sent: the receiver has taken it.
	Sent Result = "sent"
	// Failed: it never will; the notice is a dead letter.
	Failed Result = "failed"
	// Dropped: there was no room for it, or the process ended and there is no outbox.
	Dropped Result = "dropped"
)

// pending are the sinks that are still to be told.
func (p *parcel) pending() []string {
	var out []string
	for sink := range p.To {
		if _, done := p.Results[sink]; !done {
			out = append(out, sink)
		}
	}
	return out
}

// dead reports whether a sink was not told, and the parcel is to be kept for people to find.
func (p *parcel) dead() bool {
	for _, r := range p.Results {
		if r != Sent {
			return true
		}
	}
	return false
}

// The pace of talking with the outbox.
const (
	// outboxPatience is how long a notice waits for the outbox before it is delivered from memory.
	outboxPatience = 2 * time.Second
	// outboxPause is for how long the outbox is not waited for after it has not answered.
	outboxPause = 10 * time.Second
)

// lookUp asks whether a notice was told before.
func (d *Dispatcher) lookUp(ctx context.Context, id string) bool {
	if d.opts.Outbox == nil || time.Now().Before(d.outboxDown) {
		return false
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), outboxPatience)
	defer cancel()
	told, err := d.opts.Outbox.Told(ctx, id)
	if err != nil {
		d.outboxFailed("a notice could not be looked up in the outbox", err)
	}
	return told
}

// store keeps a parcel; what cannot be stored now is tried again by mend.
func (d *Dispatcher) store(ctx context.Context, p *parcel) {
	if d.opts.Outbox == nil {
		return
	}
	if time.Now().Before(d.outboxDown) {
		d.unstored[p.Notice.ID] = true
		return
	}
	d.mu.Lock()
	finished, dead := len(p.pending()) == 0, p.dead()
	data, err := json.Marshal(p)
	d.mu.Unlock()
	if err != nil { // there is nothing in a notice that cannot be encoded
		d.opts.Logger.Error("a notice cannot be stored", zap.Error(err))
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), outboxPatience)
	defer cancel()
	switch {
	case finished && dead:
		err = d.opts.Outbox.Done(ctx, p.Notice.ID, data)
	case finished:
		err = d.opts.Outbox.Done(ctx, p.Notice.ID, nil)
	default:
		err = d.opts.Outbox.Store(ctx, p.Notice.ID, data)
	}
	delete(d.unstored, p.Notice.ID)
	if err != nil {
		d.unstored[p.Notice.ID] = true
		d.outboxFailed("a notice could not be stored in the outbox; it is in memory", err)
		return
	}
	if finished {
		d.mu.Lock()
		delete(d.parcels, p.Notice.ID)
		d.mu.Unlock()
	}
}

func (d *Dispatcher) outboxFailed(what string, err error) {
	d.outboxDown = time.Now().Add(outboxPause)
	d.opts.Metrics.outbox.Inc()
	d.opts.Logger.Warn(what, zap.Error(err), zap.Duration("triedAgainIn", outboxPause))
}

// mend stores what could not be stored before, and reads what an earlier run left where that has not been done.
func (d *Dispatcher) mend(ctx context.Context) {
	if d.opts.Outbox == nil || time.Now().Before(d.outboxDown) {
		return
	}
	if !d.restored {
		d.restore(ctx)
	}
	for id := range d.unstored {
		d.mu.Lock()
		p := d.parcels[id]
		d.mu.Unlock()
		if p == nil {
			delete(d.unstored, id)
			continue
		}
		d.store(ctx, p)
		if time.Now().Before(d.outboxDown) {
			return
		}
	}
}

// restore takes up what an earlier run left.
func (d *Dispatcher) restore(ctx context.Context) {
	if ctx.Err() != nil { // the next run does it; that this one cannot says nothing of the outbox
		return
	}
	bounded, cancel := context.WithTimeout(ctx, 2*outboxPatience)
	defer cancel()
	var left []*parcel
	err := d.opts.Outbox.All(bounded, func(id string, data []byte) error {
		var p parcel
		if err := json.Unmarshal(data, &p); err != nil || p.Notice.ID != id {
			d.opts.Logger.Error("a stored notice cannot be read and is passed over", zap.String("notice", id), zap.Error(err))
			return nil
		}
		if len(p.pending()) > 0 {
			left = append(left, &p)
		}
		return nil
	})
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		d.outboxFailed("what an earlier run left to tell could not be read yet", fmt.Errorf("read the outbox: %w", err))
		return
	}
	d.restored = true
	sortByTaken(left)
	for _, p := range left {
		d.takeUp(p)
	}
}
