package watch

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/control"
)

const overrules = `rollbackd was started with --observe, which overrules the mode of policy "http"`

func observing(o *Options) { o.Observe = true }

// A daemon that was started to observe records what its policies would have it do, does what people ask for, and nothing else.
func TestADaemonThatObservesDoesNothingByItself(t *testing.T) {
	t.Run("for a watch that begins", func(t *testing.T) {
		inBubble(t, func(t *testing.T, w *world) {
			w.suspicious()
			p := w.run(observing)
			require.NoError(t, p.Accept(t.Context(), w.document()))
			held := w.await(p, Held)
			require.Equal(t, "not rolled back: "+overrules, held.Reason)
			require.Empty(t, w.patched())
			require.Empty(t, w.whatPaused())
			require.Equal(t, string(Observe), w.entries()[0].Accepted.Mode, "the record says what counted")

			reply := w.asks(p, control.Rollback, control.Request{ID: "r1", Reason: "guests cannot pay"})
			require.True(t, reply.OK, reply.Message)
			time.Sleep(time.Minute)
			require.Len(t, w.patched(), 1)
		})
	})
	t.Run("for one that began before", func(t *testing.T) {
		inBubble(t, func(t *testing.T, w *world) {
			w.suspicious()
			p := w.run()
			require.NoError(t, p.Accept(t.Context(), w.document()))
			w.await(p, Watching)
			p.stop()
			p = w.run(observing)
			held := w.await(p, Held)
			require.Equal(t, "not rolled back: "+overrules, held.Reason)
			require.Empty(t, w.patched())
			require.Empty(t, w.whatPaused())
		})
	})
	t.Run("for one that waits for a person, who decides", func(t *testing.T) {
		inBubble(t, func(t *testing.T, w *world) {
			p := w.run(func(o *Options) { o.Policies[0].Stages[0].Mode = Approve })
			require.NoError(t, p.Accept(t.Context(), w.document()))
			waiting := w.await(p, AwaitingApproval)
			p.stop()
			p = w.run(observing)
			time.Sleep(20 * time.Second) // until it has been measured again
			require.Empty(t, w.patched())
			reply := w.asks(p, control.Approve, control.Request{Watch: waiting.Key})
			require.True(t, reply.OK, reply.Message)
			w.await(p, RolledBack)
			require.Len(t, w.patched(), 1)
		})
	})
	t.Run("after its configuration was replaced", func(t *testing.T) {
		inBubble(t, func(t *testing.T, w *world) {
			p := w.run(observing)
			r := w.options().rules()
			r.Observe = true
			p.Replace(r)
			require.NoError(t, p.Accept(t.Context(), w.document()))
			w.await(p, Held)
			require.Empty(t, w.patched())
		})
	})
}
