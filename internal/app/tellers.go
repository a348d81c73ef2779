package app

import (
	"context"
	"sync"

	"github.com/rollbackd/rollbackd/notifier"
)

// tellers is the pipeline of a term by which people are told, which another may take the place of while the term lasts. Whatever is sent goes to the newest
// one. That begins once the one before has ended, because two of them would tell everything twice; until then it keeps what it is sent, which takes no longer
// than the grace of the one before.
type tellers struct {
	recorder  notifier.Recorder
	incidents notifier.Incidents

	mu     sync.RWMutex
	newest *notifier.Dispatcher
	// waiting are those that have not been run, the oldest first.
	waiting []*notifier.Dispatcher
	// end ends the one that runs.
	end context.CancelFunc
}

func newTellers(first *notifier.Dispatcher) *tellers {
	return &tellers{newest: first, waiting: []*notifier.Dispatcher{first}, end: func() {}}
}

// serve names who records what came of telling, and who knows which incidents are open; it is called before Run.
func (t *tellers) serve(r notifier.Recorder, i notifier.Incidents) {
	t.recorder, t.incidents = r, i
	t.newest.Serve(r, i)
}

// replace has another pipeline tell from now on.
func (t *tellers) replace(next *notifier.Dispatcher) {
	next.Serve(t.recorder, t.incidents)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.newest = next
	t.waiting = append(t.waiting, next)
	t.end()
}

// Send implements watch.Teller.
func (t *tellers) Send(n notifier.Notice) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	t.newest.Send(n)
}

// Kept implements watch.Teller.
func (t *tellers) Kept(ctx context.Context) { t.present().Kept(ctx) }

// Waiting implements watch.NoticeKeeper.
func (t *tellers) Waiting() []notifier.Standing { return t.present().Waiting() }

// Dead implements watch.NoticeKeeper.
func (t *tellers) Dead(ctx context.Context) ([]notifier.Standing, error) {
	return t.present().Dead(ctx)
}

// Retry implements watch.NoticeKeeper.
func (t *tellers) Retry(ctx context.Context, wanted func(notifier.Standing) bool) (int, error) {
	return t.present().Retry(ctx, wanted)
}

// present is the newest pipeline.
func (t *tellers) present() *notifier.Dispatcher {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.newest
}

// Run tells until ctx is done, and then for as long as the grace of a pipeline lasts. One that has come last is run even then, so that what it was sent is
// stored.
func (t *tellers) Run(ctx context.Context) error {
	for {
		next, running, cancel := t.next(ctx)
		if next == nil {
			return nil
		}
		err := next.Run(running)
		cancel()
		if err != nil {
			return err
		}
	}
}

// next returns the pipeline to be run, with the context that ends when another takes its place; none if all have been run.
func (t *tellers) next(ctx context.Context) (*notifier.Dispatcher, context.Context, context.CancelFunc) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.waiting) == 0 {
		return nil, nil, nil
	}
	next := t.waiting[0]
	t.waiting = t.waiting[1:]
	running, cancel := context.WithCancel(ctx)
	if len(t.waiting) > 0 { // it was replaced before it began: what it was sent is told, and no more
		cancel()
	}
	t.end = cancel
	return next, running, cancel
}
