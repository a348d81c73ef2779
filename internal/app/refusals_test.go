package app

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestTheSameRefusalIsToldNowAndThen, and another one at once; however many there are, little is remembered.
func TestTheSameRefusalIsToldNowAndThen(t *testing.T) {
	var r refusals
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	require.True(t, r.news("services is forbidden", at))
	require.False(t, r.news("services is forbidden", at.Add(refusalEvery-time.Second)))
	require.True(t, r.news("pods is forbidden", at))
	require.True(t, r.news("services is forbidden", at.Add(refusalEvery)))
	for i := range 3 * mostRefusals {
		require.True(t, r.news(fmt.Sprint(i), at))
	}
	require.LessOrEqual(t, len(r.last), mostRefusals)
}
