package watch

import (
	"context"
	"errors"
	"time"

	"github.com/rollbackd/rollbackd/internal/incident"
)

// taken is what came of an input at a time. It is not kept in the frame of who waits for the journal to store it: a thousand do when as
// many watches are opened, or their ticks end, and the copies of a watch would be most of what each of them has on its stack.
type taken struct {
	before, next Watch
	entries      []incident.Entry
	want         effect
	at           time.Time
	// gaveUp says that the journal would not take what came of the input, and that the watch has ended because of that.
	gaveUp bool
}

// take feeds one input to Next and commits what follows.
func (a *actor) take(ctx context.Context, in input) (effect, bool, error) {
	if _, ok := in.(measured); ok {
		defer a.measuring.Store(false)
	}
	t := a.think(in)
	err := a.appendAll(ctx, t.entries)
	if errors.Is(err, ErrTooLarge) { // nothing of this step has been acted on
		t.giveUp(err, a.opts.actorName())
		err = a.appendAll(ctx, t.entries)
	}
	if err != nil {
		return effectNone, false, err
	}
	a.commit(ctx, in, t)
	return t.want, len(t.entries) > 0, nil
}

// think has no part in the frame of its caller, and so must not become a part of it.
//
//go:noinline
func (a *actor) think(in input) *taken {
	t := &taken{before: a.watch, at: time.Now()}
	t.next, t.entries, t.want = Next(t.before, in, a.opts.actorName(), t.at)
	return t
}

//go:noinline
func (t *taken) giveUp(err error, actor string) {
	t.next, t.entries, t.want = tooLarge(t.before, err, actor, time.Now())
	t.gaveUp = true
}

// commit takes over what the journal has stored, and does what follows from it.
//
//go:noinline
func (a *actor) commit(ctx context.Context, in input, t *taken) {
	a.watch = t.next
	a.publish()
	if _, ok := in.(planned); ok {
		a.giveBack(t.next.Key)
	}
	if len(t.entries) > 0 {
		a.committed(ctx, t.before, t.entries)
	}
	t.answer(in)
}

// answer tells whoever waits for it what came of an input. Events that the journal would not take are handed out again, and find that the watch has ended.
func (t *taken) answer(in input) {
	if q, ok := in.(asked); ok && t.gaveUp {
		q.reply <- t.next.answer(q.Asked, t.at)
	}
	if t.gaveUp {
		return
	}
	switch in := in.(type) {
	case updated:
		if in.stored != nil {
			close(in.stored)
		}
	case stepped:
		if in.stored != nil {
			close(in.stored)
		}
	case asked:
		in.reply <- t.before.answer(in.Asked, t.at)
	}
}
