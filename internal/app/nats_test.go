package app

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPutAfterTheBucketWasDeleted: a watch that is open while its bucket is deleted must be found by the next run.
func TestPutAfterTheBucketWasDeleted(t *testing.T) {
	b, _ := openBus(t)
	watches := store{watches: b.Watches()}
	for _, value := range []string{"first", "second"} {
		require.NoError(t, watches.Put(t.Context(), "production.shop.1", []byte(value)))
		got, err := watches.Get(t.Context(), "production.shop.1")
		require.NoError(t, err)
		require.Equal(t, value, string(got))
	}
}
