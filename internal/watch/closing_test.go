package watch

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/notifier"
)

// The verdict of a watch without an answer may stay the same for a day. Its record shows what was measured last, with the query, so that a misspelt
// metric is found by reading it.
func TestAWatchEndsWithItsNewestNumbers(t *testing.T) {
	for name, tc := range map[string]struct {
		end     string
		verdict analyzer.Verdict
		total   uint64
	}{
		"no data":      {`190s | ticks none 180s | tick INSUFFICIENT tick*2 NO_DATA tick*9 NO_DATA tick*12 NO_DATA tick*6 NO_DATA >Inconclusive | Inconclusive`, analyzer.NoData, 0},
		"few requests": {`190s | ticks few 180s | tick INSUFFICIENT tick*11 INSUFFICIENT tick*12 INSUFFICIENT tick*6 INSUFFICIENT >Inconclusive | Inconclusive`, analyzer.Insufficient, 1},
		"healthy":      {`190s | ticks good 180s | tick HEALTHY tick*29 HEALTHY >Healthy                   | Healthy`, analyzer.Healthy, 200},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory(t)
			s.play(settled + tc.end)
			last := lastVerdict(s.journal)
			require.Equal(t, tc.verdict, last.Verdict)
			require.Equal(t, s.watch.lastTick, last.Signals[0].At, "the last tick, and not the one at which the verdict changed")
			require.Equal(t, s.watch.queries("watch", s.watch.lastTick)["errors"], last.Queries["errors"])
			require.NotContains(t, s.watch.Reason, "http_requests_total", "the query is for the record, and not for people's telephones")
		})
	}
}

// So does one that is superseded or aborted, and the check of a rollback.
func TestWhateverEndsAWatchItsNewestNumbersAreRecorded(t *testing.T) {
	s := newStory(t)
	s.play(settled + `
		31s | ticks few 30s   | tick INSUFFICIENT tick*5 | Watching
		32s | superseded v3   | INSUFFICIENT >Superseded | Superseded`)
	require.Equal(t, s.watch.lastTick, lastVerdict(s.journal).Signals[0].At)

	s = newStory(t)
	s.play(restored + `
		80s | ticks good 75s | tick HEALTHY tick*3 HEALTHY >RolledBack   | RolledBack`)
	require.Equal(t, incident.PhaseVerify, lastVerdict(s.journal).Phase)
	require.Equal(t, s.watch.lastVerify, lastVerdict(s.journal).Signals[0].At)
}

// What the journal has refused as too large is not tried again by way of the watch's end.
func TestAnEndThatIsRecordedForWantOfRoomIsShort(t *testing.T) {
	s := newStory(t)
	s.play(settled + `31s | ticks few 30s | tick INSUFFICIENT tick*5 | Watching`)
	_, entries, _ := tooLarge(s.watch, errDown, "rollbackd/test", s.now)
	require.Len(t, entries, 1)
}

// Whoever is told that a release could not be judged learns the number, the reason and what to do, on one screen of a telephone.
func TestTheNoticeOfAWatchWithoutAnAnswer(t *testing.T) {
	for name, tc := range map[string]struct{ script, value, reason, next string }{
		"no data": {
			settled + `190s | ticks none 180s | tick INSUFFICIENT tick*2 NO_DATA tick*9 NO_DATA tick*12 NO_DATA tick*6 NO_DATA >Inconclusive | Inconclusive`,
			"not measured", "Prometheus has no sample of the pods", "rollbackctl doctor",
		},
		"few requests": {
			settled + `190s | ticks few 180s | tick INSUFFICIENT tick*11 INSUFFICIENT tick*12 INSUFFICIENT tick*6 INSUFFICIENT >Inconclusive | Inconclusive`,
			"0.00 %", "are needed", "minRequests",
		},
		"never live": {`
			30m   | see v1 | -             | Pending observe
			30m1s | see v1 | >Inconclusive | Inconclusive`, "", "was not live within 30m0s", "announce it again"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory(t, func(w *Watch) {
				w.Policy.Signals[0].Requests = `http_requests_total{path!="` + strings.Repeat("é", 5000) + `"}`
			})
			s.play(tc.script)
			told := notices(s.watch, s.watch, s.journal[len(s.journal)-1:])
			require.Len(t, told, 1)
			n := told[0]
			require.Equal(t, tc.value, n.Value)
			require.Contains(t, n.Action, tc.reason)
			require.Contains(t, n.Next, tc.next)
			message := notifier.Message(n)
			require.Less(t, len([]rune(message)), notifier.MaxMessage)
			require.NotContains(t, message, "…", "nothing had to be cut")
			require.NotContains(t, message+n.Text, "http_requests_total")
		})
	}
}

func lastVerdict(entries []incident.Entry) *incident.Verdict {
	for i := len(entries) - 1; i >= 0; i-- {
		if entries[i].Verdict != nil {
			return entries[i].Verdict
		}
	}
	return nil
}
