package watch

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/internal/incident"
)

// recorder writes the files of watches, one at a time and never in the way of an actor: a full disk or a slow volume
// delays only the files.
type recorder struct {
	opts Options
	mu   sync.Mutex
	// asked holds the newest picture of each watch whose files are out of date.
	asked map[string]Watch
	// failed holds those whose files could not be written; they are asked for again.
	failed map[string]Watch
	wake   chan struct{}
	// told gets every digest of an incident as the ledger has it.
	told func(incident.Digest)
}

// rewriteAfter is how long after a failure the files of a watch are tried again.
const rewriteAfter = 15 * time.Second

func newRecorder(opts Options) *recorder {
	return &recorder{opts: opts, asked: map[string]Watch{}, failed: map[string]Watch{}, wake: make(chan struct{}, 1)}
}

// ask has the files of a watch written; it never blocks.
func (r *recorder) ask(w Watch) {
	r.mu.Lock()
	if waiting, ok := r.asked[w.Key]; !ok || !w.brief || !waiting.State.Final() { // an epitome tells nothing that the whole does not
		r.asked[w.Key] = w
	}
	delete(r.failed, w.Key)
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *recorder) run(ctx context.Context) {
	again := time.NewTicker(rewriteAfter)
	defer again.Stop()
	for {
		w, ok := r.next()
		if !ok {
			select {
			case <-r.wake:
				continue
			case <-again.C:
				r.retry()
				continue
			case <-ctx.Done():
				return
			}
		}
		if err := r.write(ctx, w); err != nil && ctx.Err() == nil {
			r.opts.Log.Error("the files of a watch could not be written and are tried again; the journal has everything",
				zap.String("watch", w.Key), zap.Error(err), zap.Duration("in", rewriteAfter))
			r.fail(w)
		}
	}
}

// fail keeps a watch for another try, unless a newer picture of it was asked for meanwhile.
func (r *recorder) fail(w Watch) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, newer := r.asked[w.Key]; !newer {
		r.failed[w.Key] = w
	}
}

func (r *recorder) retry() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked, r.failed = merged(r.failed, r.asked), map[string]Watch{}
}

func merged(older, newer map[string]Watch) map[string]Watch {
	maps.Copy(older, newer)
	return older
}

func (r *recorder) next() (Watch, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, w := range r.asked {
		delete(r.asked, key)
		return w, true
	}
	return Watch{}, false
}

// write renders the journal. A final watch is marked once its files are there, so that a run that was cut short
// before is made up for by the next.
func (r *recorder) write(ctx context.Context, w Watch) error {
	entries, err := r.opts.entriesOf(ctx, w.Key)
	if err != nil {
		return err
	}
	err = r.account(ctx, w, entries)
	if !wasLost(entries) { // else the files of before tell more
		err = errors.Join(err, r.opts.Records.Write(w, append(slices.Clip(entries), r.opts.stillTold(w.Key, now())...)))
	}
	if err != nil {
		return err
	}
	if !w.State.Final() || w.brief || w.Rendered {
		return nil
	}
	w.Rendered = true
	data, err := json.Marshal(w)
	if err != nil {
		return err
	}
	return r.opts.Store.Put(ctx, w.Key, data)
}
