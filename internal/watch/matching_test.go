package watch

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// populated is a supervisor with so many watches that are open, and as many that have ended.
func populated(t testing.TB, each int) *Supervisor {
	t.Helper()
	s := New(Options{Metrics: nil})
	for n := range 2 * each {
		w := newTestWatch(func(v *Watch) {
			v.Key, v.AcceptedAt = fmt.Sprintf("production.shop.%04d", n), v.AcceptedAt.Add(time.Duration(n)*time.Second)
			v.Event.Workload = fmt.Sprintf("shop-%d", n%each)
		})
		if n < each {
			s.ended[w.Key] = w.epitome()
			continue
		}
		a := &actor{Supervisor: s, watch: w}
		a.publish()
		s.actors[w.Key] = a
	}
	return s
}

func TestWatchesAreFoundWhetherOpenOrEnded(t *testing.T) {
	s := populated(t, 50)
	found := s.matching(func(w *Watch) bool { return w.Event.Workload == "shop-7" })
	require.Len(t, found, 2)
	require.Equal(t, []string{"production.shop.0057", "production.shop.0007"}, []string{found[0].Key, found[1].Key}, "the newest first")
	require.Len(t, s.Watches(), 100)
	require.NotNil(t, s.matching(func(*Watch) bool { return false }))
	require.Equal(t, 100, s.countStates()[found[0].State])
}

// What is looked for again and again must not cost a copy of all that there is.
func TestFindingAWatchCopiesNoOthers(t *testing.T) {
	cost := func(each int) float64 {
		s := populated(t, each)
		return testing.AllocsPerRun(20, func() { s.matching(func(w *Watch) bool { return w.Event.Workload == "shop-7" }) })
	}
	require.InDelta(t, cost(20), cost(500), 3)
}
