package watch

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A watch that ends without an answer says what was asked, so that a misspelt metric is found by reading the record.
func TestAnInconclusiveEndNamesItsQuery(t *testing.T) {
	for name, end := range map[string]string{
		"no data":      `190s | ticks none 180s | tick INSUFFICIENT tick*2 NO_DATA tick*27 >Inconclusive | Inconclusive`,
		"few requests": `190s | ticks few 180s | tick INSUFFICIENT tick*29 >Inconclusive | Inconclusive`,
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory(t)
			s.play(settled + end)
			require.Contains(t, s.watch.Reason, s.watch.queries(s.watch.Pin.Release.PodPrefix, s.watch.lastTick)["errors"])
		})
	}
	t.Run("in bounds", func(t *testing.T) {
		s := newStory(t, func(w *Watch) {
			w.Policy.Signals[0].Requests = `http_requests_total{path!="` + strings.Repeat("é", 5000) + `"}`
			w.Policy.Signals[0].Errors = `http_requests_total{code=~"5.."}`
		})
		s.play(settled + `190s | ticks none 180s | tick INSUFFICIENT tick*2 NO_DATA tick*27 >Inconclusive | Inconclusive`)
		require.Less(t, len([]rune(s.watch.Reason)), 1000)
		require.Contains(t, s.watch.Reason, "…")
	})
}
