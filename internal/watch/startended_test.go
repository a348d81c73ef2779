package watch

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// An event that comes again while its watch ends does not have the watch carried once more.
func TestAWatchThatHasEndedIsNotStartedAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run(func(o *Options) { o.Policies[0].Verify.GuardFor = time.Hour })
		m := w.document()
		require.NoError(t, p.Accept(t.Context(), m))
		known := w.await(p, Watching) // as it was looked up when the event came again
		w.await(p, RolledBack)
		time.Sleep(time.Second)
		guard := p.guards[known.Key]
		require.NotNil(t, guard)
		require.NoError(t, p.acceptAgain(t.Context(), known, known.Event, m))
		require.True(t, p.actorOf(known.Key) == nil)
		time.Sleep(time.Minute)
		p.mu.RLock()
		defer p.mu.RUnlock()
		require.Same(t, guard, p.guards[known.Key], "one guard looks after it")
	})
}
