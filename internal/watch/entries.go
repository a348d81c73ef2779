package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nuid"
	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/internal/incident"
)

// This file has an actor store its entries, and do what follows once they are stored.

func (a *actor) appendAll(ctx context.Context, entries []incident.Entry) error {
	for i := range entries {
		if err := a.append(ctx, &entries[i]); err != nil {
			return err
		}
	}
	return nil
}

// append journals one entry, trying until it is stored: nothing is acted on that is not recorded.
func (a *actor) append(ctx context.Context, e *incident.Entry) error {
	e.ID = nuid.Next()
	data, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode a journal entry: %w", err)
	}
	for pause := minPause / 4; ; pause = min(2*pause, maxPause) {
		began := time.Now()
		seq, err := a.opts.Journal.Append(ctx, a.watch.Key, e.ID, data, a.last)
		a.opts.Metrics.appended(err, time.Since(began))
		a.storage.report(err, time.Now())
		if err == nil {
			a.last = seq
			if e.Kind == incident.KindIntent {
				a.mine = e.Intent.ID
			}
			return nil
		}
		if isVerdictOnEntry(err) || ctx.Err() != nil {
			return err
		}
		a.log.Warn("the journal does not take an entry; trying again", zap.Error(err), zap.Duration("in", pause))
		if !sleep(ctx, pause) {
			return ctx.Err()
		}
	}
}

// committed does what follows from entries that are safely stored. None of it may hold up the next effect for long.
func (a *actor) committed(ctx context.Context, before Watch, entries []incident.Entry) {
	for _, e := range entries {
		a.opts.Metrics.entry(e)
		a.opts.Metrics.course.entry(before, a.watch, e)
		switch e.Kind {
		case incident.KindVerdict:
			a.log.Debug("verdict changed", zap.String("phase", string(e.Verdict.Phase)), zap.String("verdict", string(e.Verdict.Verdict)),
				zap.String("reason", e.Verdict.Reason))
		case incident.KindState:
			a.log.Info("state changed", zap.String("from", e.State.From), zap.String("to", e.State.To),
				zap.String("reason", e.State.Reason), zap.String("incident", e.State.Incident))
		}
	}
	a.see(entries)
	a.sendAll(notices(before, a.watch, entries))
	if before.State != Watching && a.watch.State == Watching {
		a.resolveEarlier(a.watch)
	}
	a.crowds.note(a.watch, entries, time.Now())
	a.diagnoses.note(a.watch, entries)
	if onlyTicks(entries) {
		return
	}
	if a.watch.State.Final() {
		a.keepTold(ctx)
	}
	a.save(ctx)
	if before.State != Watching && a.watch.State == Watching {
		a.ClusterChanged(a.watch.workload()) // the older watches look and find this one
	}
	if worthWriting(a.watch, entries) {
		a.records.ask(a.watch)
	}
}

func onlyTicks(entries []incident.Entry) bool {
	for _, e := range entries {
		if e.Kind != incident.KindTick {
			return false
		}
	}
	return true
}

// save stores a picture of the watch for listing. The journal is the truth, so a failure is only logged.
func (a *actor) save(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, saveTimeout)
	defer cancel()
	data, err := json.Marshal(a.watch)
	if err == nil {
		err = a.opts.Store.Put(ctx, a.watch.Key, data)
	}
	if err != nil {
		a.log.Warn("the watch's summary could not be stored; the journal has it", zap.Error(err))
	}
}

// isVerdictOnEntry reports whether the journal took a look at the entry and refused it for what it is.
func isVerdictOnEntry(err error) bool {
	return errors.Is(err, ErrFenced) || errors.Is(err, ErrTooLarge)
}
