package watch

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/control"
)

// actorOf returns the actor of an open watch.
func (p *process) actorOf(key string) *actor {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.actors[key]
}

// An order that comes twice before the watch has taken the first one is carried out once, and neither who sent it first nor who sent it again is refused.
func TestAnOrderThatComesTwiceAtOnceIsGrantedTwice(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.errorsIn = 0
		p := w.run()
		require.NoError(t, p.Accept(t.Context(), w.document()))
		open := w.await(p, Watching)
		order := control.Asked{By: "ana", Verb: control.Rollback, Target: checkout(), Request: control.Request{ID: "r1"}}
		var answers []chan control.Reply
		for range 2 {
			q := asked{Asked: order, reply: make(chan control.Reply, 1)}
			require.True(t, p.actorOf(open.Key).post(q))
			answers = append(answers, q.reply)
		}
		for _, answer := range answers {
			reply := <-answer
			require.True(t, reply.OK, reply.Message)
			require.Equal(t, open.Key, reply.Watch)
		}
		ended := w.await(p, RolledBack)
		require.Equal(t, []string{"r1"}, ended.Orders)
		require.Len(t, w.patched(), 1)

		late := asked{Asked: order, reply: make(chan control.Reply, 1)} // one that lay there when the watch ended
		a := newActor(p.Supervisor, ended)
		require.True(t, a.post(late))
		a.dismiss()
		reply := <-late.reply
		require.True(t, reply.OK, reply.Message)
		require.Contains(t, reply.Message, "was asked for before: the watch is RolledBack")
	})
}
