package app

import (
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/bus"
)

// openBus opens the bus of a real NATS server of the test's own.
func openBus(t testing.TB) (*bus.Bus, *nats.Conn) {
	t.Helper()
	server, err := bus.StartEmbedded(bus.EmbeddedOptions{DataDir: t.TempDir(), Listen: "127.0.0.1:0"})
	require.NoError(t, err)
	t.Cleanup(server.Shutdown)
	nc, err := server.Connect()
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	b, err := bus.Open(t.Context(), nc, bus.Options{Instance: "main", Environments: []string{"production"}})
	require.NoError(t, err)
	return b, nc
}
