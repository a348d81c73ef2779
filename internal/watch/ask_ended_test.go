package watch

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/control"
)

// outlived lets a watch come to its end, and returns who carried it, as whoever asked for it before that has it, with the watch as it was then.
func (w *world) outlived(p *process) (a *actor, open Watch) {
	w.t.Helper()
	require.NoError(w.t, p.Accept(w.t.Context(), w.document()))
	open = w.await(p, Watching)
	p.mu.RLock()
	a = p.actors[open.Key]
	p.mu.RUnlock()
	w.await(p, RolledBack)
	return a, open
}

func aborting(open Watch) control.Asked {
	return control.Asked{By: "ana", Verb: control.Abort, Target: checkout(), Request: control.Request{Watch: open.Key}}
}

// Whoever asks something of a watch in the moment in which it ends is told that it has.
func TestARequestThatComesAsAWatchEndsIsAnswered(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run()
		a, open := w.outlived(p)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		reply := p.put(ctx, a, aborting(open))
		require.Equal(t, control.CodeState, reply.Code, reply.Message)
		require.Contains(t, reply.Message, "has ended: RolledBack")
	})
}

// Whoever ends a watch is told that it is done, however soon the watch is over after that.
func TestTheRequestThatEndsAWatchIsGranted(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run()
		a, open := w.outlived(p) // so that it is over by the time that put looks
		a.mailbox = make(chan input)
		go func() { // the watch, which took the request before that
			in := (<-a.mailbox).(asked)
			synctest.Wait() // until whoever asked waits for the answer
			in.reply <- open.answer(in.Asked, time.Now())
		}()
		synctest.Wait()
		reply := p.put(t.Context(), a, aborting(open))
		require.True(t, reply.OK, reply.Message)
	})
}
