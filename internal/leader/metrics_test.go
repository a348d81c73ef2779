package leader

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
)

// A change of leaders is counted once by whoever sees it, also where the lease was given back in between, and a renewal is none.
func TestTransitionsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lease{}
		a := newReplica(t, l, "a", 0)
		after(30 * time.Second)
		b := newReplica(t, l, "b", 0)
		after(2 * time.Minute)
		require.True(t, a.leads())
		require.Zero(t, testutil.ToFloat64(a.moved))
		require.Zero(t, testutil.ToFloat64(b.moved))
		require.EqualValues(t, 1, testutil.ToFloat64(a.gauge))
		require.NoError(t, a.stop())
		after(time.Minute)
		require.True(t, b.leads())
		require.EqualValues(t, 1, testutil.ToFloat64(b.moved))
		require.EqualValues(t, 1, testutil.ToFloat64(b.gauge))
		require.Zero(t, testutil.ToFloat64(a.gauge))
	})
}
