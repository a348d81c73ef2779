package collector

import (
	"context"
	"math"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheLimitFollowsWhatIsInUse(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct {
		name string
		use  Use
		most int64
		want int64
	}{
		{"a small daemon has the same room as one with a thousand watches", Use{Live: 8 * mib, Other: 10 * mib}, math.MaxInt64, 120 * mib},
		{"the room just suffices", Use{Live: 80 * mib, Other: 20 * mib}, math.MaxInt64, 120 * mib},
		{"a quarter of what is in use may always be allocated", Use{Live: 400 * mib, Other: 40 * mib}, math.MaxInt64, 540 * mib},
		{"the environment says how much at the most", Use{Live: 400 * mib, Other: 40 * mib}, 460 * mib, 460 * mib},
		{"the environment says less than the room", Use{Live: 8 * mib}, 64 * mib, 64 * mib},
		{"nothing is known", Use{}, math.MaxInt64, 120 * mib},
	} {
		require.Equal(t, c.want, Limit(c.use, c.most), c.name)
	}
}

// What is read is of this process: what it keeps is live after a collection, and its stacks are not of the heap.
func TestTheMeterReadsWhatIsKept(t *testing.T) {
	var m meter
	runtime.GC()
	before := m.read()
	kept := make([]byte, 64<<20)
	runtime.GC()
	after := m.read()
	runtime.KeepAlive(kept)
	require.InDelta(t, 64<<20, float64(after.Live)-float64(before.Live), 8<<20)
	require.NotZero(t, after.Other)
	require.Less(t, after.Other, uint64(64<<20))
}

func TestPaceLeavesTheCollectorAsItWas(t *testing.T) {
	was := debug.SetMemoryLimit(-1)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); Pace(ctx) }()
	require.Eventually(t, func() bool { return debug.SetMemoryLimit(-1) == room }, 10*time.Second, time.Millisecond)
	cancel()
	<-ended
	require.Equal(t, was, debug.SetMemoryLimit(-1))
}
