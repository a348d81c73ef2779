package watch

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/event"
)

// What is kept in memory of the past is bounded: by age, and for each workload by number, but for what may still be asked for.
func TestWhatIsForgotten(t *testing.T) {
	ended := map[string]Watch{}
	add := func(key, workload string, age time.Duration, landed bool) {
		w := Watch{Key: key, AcceptedAt: start.Add(-age), Since: start.Add(-age), State: Healthy,
			Event: event.Event{Environment: "production", Namespace: "shop", Workload: workload}}
		if landed {
			w.LandedAt = w.Since
		}
		ended[key] = w
	}
	add("ancient", "cart", 61*24*time.Hour, true)
	add("only", "cart", 59*24*time.Hour, false)
	for i := range endedEach {
		add(fmt.Sprint("recent-", i), "checkout", time.Duration(i)*time.Minute, false)
	}
	add("young", "checkout", 6*24*time.Hour, false)
	add("old", "checkout", 8*24*time.Hour, false)
	add("rolled-back", "checkout", 9*24*time.Hour, true)
	got := forgettable(ended, start)
	slices.Sort(got)
	require.Equal(t, []string{"ancient", "old"}, got)
}

// What the store still has of a time that is over is forgotten as the daemon starts.
func TestTheDaemonForgets(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		s := New(w.options())
		s.ended["ancient"] = Watch{Key: "ancient", Since: w.t0.Add(-61 * 24 * time.Hour), State: Healthy}
		s.ended["new"] = Watch{Key: "new", Since: w.t0, State: Healthy}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { s.forgetEnded(ctx); close(done) }()
		synctest.Wait()
		_, ancient := s.Get("ancient")
		_, new := s.Get("new")
		require.Equal(t, []bool{false, true}, []bool{ancient, new})
		time.Sleep(61 * 24 * time.Hour)
		_, new = s.Get("new")
		require.False(t, new, "and while it runs")
		cancel()
		<-done
	})
}
