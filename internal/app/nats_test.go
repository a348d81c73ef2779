package app

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/bus"
	"github.com/rollbackd/rollbackd/internal/config"
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

// TestTooFewServersAreNamed: whoever asks for more replicas than there are servers is told which key says so.
func TestTooFewServersAreNamed(t *testing.T) {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true})
	require.NoError(t, err)
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	require.True(t, s.ReadyForConnections(10*time.Second))
	nc, err := nats.Connect(s.ClientURL(), nats.Timeout(patient))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	_, err = bus.Open(t.Context(), nc, bus.Options{Instance: "main", Environments: []string{"production"}, Replicas: 3})
	require.ErrorContains(t, roomFor(err, config.NATS{URL: s.ClientURL(), Replicas: 3}), "nats.replicas is 3, which takes a cluster of that many servers")
}
