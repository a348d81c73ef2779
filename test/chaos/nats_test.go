package chaos

import (
	"net"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
)

// natsServer is a NATS server of the test's own, on one address and one store through all restarts.
type natsServer struct {
	t       *testing.T
	address string
	options server.Options
	running *server.Server
}

// newNATS starts a server; it is stopped with the test.
func newNATS(t *testing.T) *natsServer {
	t.Helper()
	host, text, err := net.SplitHostPort(freeAddress(t))
	require.NoError(t, err)
	port, err := strconv.Atoi(text)
	require.NoError(t, err)
	n := &natsServer{t: t, address: net.JoinHostPort(host, text), options: server.Options{
		ServerName: "chaos", Host: host, Port: port, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
	}}
	n.start()
	t.Cleanup(n.stop)
	return n
}

func (n *natsServer) start() {
	n.t.Helper()
	options := n.options // the server changes what it is given
	running, err := server.NewServer(&options)
	require.NoError(n.t, err)
	n.running = running
	running.Start()
	require.True(n.t, running.ReadyForConnections(30*time.Second), "NATS does not start")
}

func (n *natsServer) stop() {
	if n.running != nil {
		n.running.Shutdown()
		n.running.WaitForShutdown()
		n.running = nil
	}
}

// wipe empties the server's store.
func (n *natsServer) wipe() {
	n.t.Helper()
	n.stop()
	require.NoError(n.t, os.RemoveAll(n.options.StoreDir))
	require.NoError(n.t, os.MkdirAll(n.options.StoreDir, 0o700))
	n.start()
}
