package bus

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// doorman lets clients into a server, or does not: credentials are being rotated, or accounts are not loaded yet.
type doorman struct {
	open    atomic.Bool
	refused atomic.Int32
}

// Check implements server.Authentication.
func (d *doorman) Check(server.ClientAuthentication) bool {
	if !d.open.Load() {
		d.refused.Add(1)
	}
	return d.open.Load()
}

// refuses waits for more refusals in a row than a client puts up with unless it is told to.
func (d *doorman) refuses(t *testing.T) {
	t.Helper()
	before := d.refused.Load()
	eventually(t, func() error {
		if n := d.refused.Load() - before; n < 4 {
			return fmt.Errorf("%d refusals", n)
		}
		return nil
	})
}

func guarded(t *testing.T) (*doorman, *server.Server) {
	t.Helper()
	door := &doorman{}
	s, err := server.NewServer(&server.Options{
		ServerName: "guarded", Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(),
		NoSigs: true, NoLog: true, CustomClientAuthentication: door,
	})
	require.NoError(t, err)
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	require.True(t, s.ReadyForConnections(patience))
	return door, s
}

func TestRefusedLoginIsTriedAgain(t *testing.T) {
	t.Parallel()
	door, s := guarded(t)
	door.open.Store(true)
	nc, err := nats.Connect(s.ClientURL(), ConnectOptions(testLog(t))...)
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	bus := open(t, nc, Options{})
	var got inbox
	consume(t, bus, got.handle)

	door.open.Store(false)
	id, err := nc.GetClientID()
	require.NoError(t, err)
	require.NoError(t, s.DisconnectClientByID(id))
	door.refuses(t)
	require.ErrorContains(t, bus.Ready(), "not connected")
	door.open.Store(true)
	eventually(t, bus.Ready)
	publish(t, bus, checkout, "{}")
	eventually(t, got.has(1))
}

func TestRefusedFirstLoginIsTriedAgain(t *testing.T) {
	t.Parallel()
	door, s := guarded(t)
	nc, err := nats.Connect(s.ClientURL(), ConnectOptions(testLog(t))...)
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	door.refuses(t)
	require.False(t, nc.IsConnected())
	door.open.Store(true)
	eventually(t, func() error {
		if !nc.IsConnected() {
			return nc.LastError()
		}
		return nil
	})
}
