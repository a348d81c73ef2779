package watch

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestACrowdIsMeasuredFourTimesAScrape(t *testing.T) {
	var all turns
	begin := time.Unix(1_700_000_000, 0)
	taken := 0
	for i := range 60 { // half a minute
		now := begin.Add(time.Duration(i) * beat)
		if all.take("a", now) {
			taken++
			all.giveBack("a", now, crowd, 15*time.Second)
		}
		require.True(t, all.take("b", now), "few rest never")
		require.False(t, all.take("b", now), "while it is measured")
		all.giveBack("b", now, crowd-1, 15*time.Second)
	}
	require.Equal(t, 8, taken)
}

func TestAFailureIsTriedAgainLaterEachTime(t *testing.T) {
	var all turns
	now := time.Unix(1_700_000_000, 0)
	for _, pause := range []time.Duration{1, 2, 4, 8, 15, 15} {
		require.True(t, all.take("a", now))
		all.giveUp("a", now)
		require.False(t, all.take("a", now.Add(pause*time.Second-1)))
		now = now.Add(pause * time.Second)
		all.forget(now)
	}
	require.True(t, all.take("a", now))
	all.giveBack("a", now, 1, time.Second)
	require.True(t, all.take("a", now))
	all.giveUp("a", now)
	require.True(t, all.take("a", now.Add(time.Second)), "a success is a new beginning")
	all.giveBack("a", now, crowd, time.Second)
	all.forget(now.Add(time.Minute))
	require.Empty(t, all.groups)
}
