package natstest

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
)

// patience is how long a server may take to start on a machine that has much else to do.
const patience = 15 * time.Second

// Serve runs a server on loopback until the test ends, which lets nobody in but whoever has the newest credentials of the login.
func Serve(t *testing.T, l *Login, o *server.Options) *server.Server {
	t.Helper()
	o.Host, o.NoSigs, o.NoLog = "127.0.0.1", true, true
	l.Allow(t, o)
	s, err := server.NewServer(o)
	require.NoError(t, err)
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	require.True(t, s.ReadyForConnections(patience))
	return s
}
