package app

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/notifier"
)

// Whoever relies on rollbackd learns that it cannot work, what that means, and that it is over: once each, and nothing of a restart of a server.
func TestAnOutageIsToldOnceItLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var nats, prometheus error
		var told []notifier.Notice
		var blind blindness
		open := 0
		go outages{
			nats:       func() error { mu.Lock(); defer mu.Unlock(); return nats },
			prometheus: func() error { mu.Lock(); defer mu.Unlock(); return prometheus },
			blind:      func(time.Time) blindness { mu.Lock(); defer mu.Unlock(); return blind },
			open:       func() int { mu.Lock(); defer mu.Unlock(); return open },
			tell:       func(n notifier.Notice) { mu.Lock(); defer mu.Unlock(); told = append(told, n) },
		}.run(t.Context())
		mu.Lock() // but while time passes
		defer mu.Unlock()
		await := func(d time.Duration) []notifier.Notice {
			mu.Unlock()
			defer mu.Lock()
			time.Sleep(d)
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			out := told
			told = nil
			return out
		}

		nats = errors.New("not connected to NATS: RECONNECTING")
		require.Empty(t, await(natsPatience-2*outageEvery), "a server that is only started again is not told of")
		nats = nil
		require.Empty(t, await(time.Hour), "nor is that it is back")

		nats, open = errors.New(strings.Repeat("é", 5000)), 3
		away := await(natsPatience + 3*outageEvery)
		require.Len(t, away, 1)
		require.Equal(t, notifier.Page, away[0].Severity, "deployments are looked after by nobody")
		for _, words := range []string{"NATS has been away for 2m0s", "No event is accepted", "Open watches: 3", "Next: Bring NATS back"} {
			require.Contains(t, notifier.Message(away[0]), words)
		}
		require.Less(t, len([]rune(away[0].Text)), 400)
		require.Empty(t, await(6*time.Hour), "it is told once")
		nats = nil
		back := await(2 * outageEvery)
		require.Len(t, back, 1)
		require.Contains(t, back[0].Title, "NATS is back")
		require.Contains(t, back[0].Action, "away for 6h")
		require.NotEqual(t, away[0].ID, back[0].ID)

		prometheus, open = errors.New("connection refused"), 0
		require.Empty(t, await(prometheusPatience-2*outageEvery))
		away = await(4 * outageEvery)
		require.Len(t, away, 1)
		require.Contains(t, away[0].Title, "Prometheus has been away for 5m0s")
		require.Equal(t, notifier.Warn, away[0].Severity, "nothing is open that somebody would have to look after now")

		blind, open = blindness{Measured: 3, For: time.Hour}, 3
		require.Empty(t, await(time.Hour), "that nothing is seen follows from what was told already")
		prometheus = nil
		require.Len(t, await(2*outageEvery), 1, "Prometheus is back")
		away = await(blindPatience + 3*outageEvery)
		require.Len(t, away, 1, "and yet there is nothing in it")
		require.Equal(t, notifier.Page, away[0].Severity)
		require.Contains(t, away[0].Title, "No open watch has had any data for 3m0s and longer")
		require.Contains(t, away[0].Text, "no tick of 3 measured watches has had complete data for 1h0m0s")
		prometheus = errors.New("connection refused")
		require.Empty(t, await(2*outageEvery), "it is not over because there is another reason")
		prometheus, blind = nil, blindness{Measured: 3, For: 10 * time.Second}
		back = await(2 * outageEvery)
		require.Len(t, back, 1)
		require.Contains(t, back[0].Action, "A watch has data again")
		blind, open = blindness{Measured: 1, For: time.Hour}, 1
		away = await(blindPatience + 3*outageEvery)
		require.Len(t, away, 1)
		require.Equal(t, notifier.Warn, away[0].Severity, "one service may have no traffic")
	})
}
