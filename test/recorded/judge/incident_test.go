package judge

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/backtest"
	"github.com/rollbackd/rollbackd/test/recorded/recording"
)

// Ten requests a second of which from second 50 to 59 half fail.
func TestIncidentsAreCounted(t *testing.T) {
	begin := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	var r recording.Recording
	for _, code := range []string{"200", "503"} {
		s := recording.Series{Labels: map[string]string{"__name__": "http_requests_total", "code": code}}
		v := int64(0)
		for i := range int64(100) {
			bad := i >= 50 && i < 60
			switch {
			case bad:
				v += 5
			case code == "200":
				v += 10
			}
			s.Samples = append(s.Samples, recording.Sample{T: begin.UnixMilli() + 1000*i, V: v})
		}
		r.Series = append(r.Series, s)
	}
	how := ReadingOf("catalogue")
	requests, failed, slow := how.Counted(r)
	require.EqualValues(t, []int64{990, 50, 0}, []int64{requests, failed, slow})
	var seconds []int64
	for _, s := range how.Incidents(r) {
		seconds = append(seconds, s-begin.Unix())
	}
	require.Equal(t, []int64{50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63}, seconds)
	for after, want := range map[time.Duration]bool{30 * time.Second: false, 55 * time.Second: true, 70 * time.Second: true, 80 * time.Second: false} {
		at := begin.Add(after * Stretch)
		require.Equal(t, want, During(r, backtest.Outcome{DecidedAt: &at}, how.Incidents(r)), "%s", after)
	}
}
