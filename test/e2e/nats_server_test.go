package e2e

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"
)

// natsServer is a NATS server of the test's own, on one address and one store through all restarts.
type natsServer struct {
	t       *testing.T
	url     string
	options server.Options
	running *server.Server
}

// newNATS returns a server that does not run yet; it is stopped with the test.
func newNATS(t *testing.T) *natsServer {
	t.Helper()
	host, text, err := net.SplitHostPort(freeAddress(t))
	require.NoError(t, err)
	port, err := strconv.Atoi(text)
	require.NoError(t, err)
	n := &natsServer{t: t, url: "nats://" + net.JoinHostPort(host, text), options: server.Options{
		ServerName: "e2e", Host: host, Port: port, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
	}}
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

// jetStream connects as an administrator would.
func (n *natsServer) jetStream(options ...nats.Option) jetstream.JetStream {
	n.t.Helper()
	nc, err := nats.Connect(n.url, append(options, nats.MaxReconnects(-1), nats.Timeout(20*time.Second))...)
	require.NoError(n.t, err)
	n.t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	require.NoError(n.t, err)
	return js
}

// requireCredentials makes the server trust an operator of its own, and returns the credentials file of a user in an
// account that may use JetStream. Nobody else gets in.
func (n *natsServer) requireCredentials() string {
	n.t.Helper()
	operator, err := nkeys.CreateOperator()
	require.NoError(n.t, err)
	system, account := newAccount(n.t), newAccount(n.t)
	claims := jwt.NewOperatorClaims(publicKey(n.t, operator))
	claims.SystemAccount = publicKey(n.t, system)
	n.options.TrustedOperators = []*jwt.OperatorClaims{claims}
	n.options.SystemAccount = claims.SystemAccount

	resolver := &server.MemAccResolver{}
	for _, pair := range []nkeys.KeyPair{system, account} {
		a := jwt.NewAccountClaims(publicKey(n.t, pair))
		if pair == account {
			a.Limits.JetStreamLimits = jwt.JetStreamLimits{DiskStorage: -1, MemoryStorage: -1, Streams: -1, Consumer: -1}
		}
		text, err := a.Encode(operator)
		require.NoError(n.t, err)
		require.NoError(n.t, resolver.Store(publicKey(n.t, pair), text))
	}
	n.options.AccountResolver = resolver

	user, err := nkeys.CreateUser()
	require.NoError(n.t, err)
	text, err := jwt.NewUserClaims(publicKey(n.t, user)).Encode(account)
	require.NoError(n.t, err)
	seed, err := user.Seed()
	require.NoError(n.t, err)
	file, err := jwt.FormatUserConfig(text, seed)
	require.NoError(n.t, err)
	path := filepath.Join(n.t.TempDir(), "rollbackd.creds")
	require.NoError(n.t, os.WriteFile(path, file, 0o600))
	return path
}

func newAccount(t *testing.T) nkeys.KeyPair {
	t.Helper()
	pair, err := nkeys.CreateAccount()
	require.NoError(t, err)
	return pair
}

func publicKey(t *testing.T, pair nkeys.KeyPair) string {
	t.Helper()
	key, err := pair.PublicKey()
	require.NoError(t, err)
	return key
}
