package watch

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/incident"
)

// behindFor is a Prometheus whose clock lags by ten minutes until a time, as one does beside a machine whose clock was put forward.
type behindFor struct{ until time.Time }

func (b behindFor) Reached(now time.Time) time.Time {
	if now.Before(b.until) {
		return now.Add(-10 * time.Minute)
	}
	return now
}

// While this machine's clock is ahead, a watch makes no ticks of the future, in which nothing can be measured: it would be at its end
// in a moment. Once the clocks agree it goes on where it was.
func TestAClockThatIsAheadMakesNoTicksOfTheFuture(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run(func(o *Options) { o.Clock = behindFor{w.t0.Add(30 * time.Second)} })
		require.NoError(t, p.Accept(t.Context(), w.document()))
		time.Sleep(29 * time.Second)
		require.Empty(t, count(w.entries(), incident.KindTick))
		w.await(p, RolledBack)
		require.Len(t, w.patched(), 1)
		require.NotEmpty(t, count(w.entries(), incident.KindTick))
	})
}
