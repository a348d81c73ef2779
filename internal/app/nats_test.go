package app

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/bus"
)

// TestPutAfterTheBucketWasDeleted: a watch that is open while its bucket is deleted must be found by the next run.
func TestPutAfterTheBucketWasDeleted(t *testing.T) {
	server, err := bus.StartEmbedded(bus.EmbeddedOptions{DataDir: t.TempDir(), Listen: "127.0.0.1:0"})
	require.NoError(t, err)
	t.Cleanup(server.Shutdown)
	nc, err := server.Connect()
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	b, err := bus.Open(t.Context(), nc, bus.Options{Instance: "main", Environments: []string{"production"}})
	require.NoError(t, err)
	watches := store{watches: b.Watches()}
	for _, value := range []string{"first", "second"} {
		require.NoError(t, watches.Put(t.Context(), "production.shop.1", []byte(value)))
		got, err := watches.Get(t.Context(), "production.shop.1")
		require.NoError(t, err)
		require.Equal(t, value, string(got))
	}
}
