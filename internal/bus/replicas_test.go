package bus

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// electing is how long servers may take to elect a leader on a busy machine.
const electing = 4 * patience

// cluster runs servers that know each other, until the test ends.
func cluster(t *testing.T, size int) []*server.Server {
	t.Helper()
	var routes []*url.URL
	for range size {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		routes = append(routes, &url.URL{Scheme: "nats", Host: l.Addr().String()})
		require.NoError(t, l.Close())
	}
	var all []*server.Server
	for i, route := range routes {
		port, err := strconv.Atoi(route.Port())
		require.NoError(t, err)
		s, err := server.NewServer(&server.Options{
			ServerName: fmt.Sprintf("n%d", i), Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
			Cluster: server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: port}, Routes: routes,
		})
		require.NoError(t, err)
		s.Start()
		t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
		all = append(all, s)
	}
	within(t, electing, func() error {
		placing := 0 // how many servers the one that places streams has heard from
		for _, s := range all {
			if !s.ReadyForConnections(time.Millisecond) || !s.JetStreamIsCurrent() {
				return fmt.Errorf("%s is not ready", s.Name())
			}
			if s.JetStreamIsLeader() {
				placing = len(s.JetStreamClusterPeers())
			}
		}
		if placing < size {
			return fmt.Errorf("streams could be placed on %d servers", placing)
		}
		return nil
	})
	return all
}

// TestReplicas: everything that is made is kept by so many servers, one of which may be away; what is there keeps what it has.
func TestReplicas(t *testing.T) {
	t.Parallel()
	servers := cluster(t, 3)
	nc, err := nats.Connect(servers[0].ClientURL(), ConnectOptions(testLog(t))...)
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	source := []Source{{Name: "flux", Subject: "flux.production"}}
	b := open(t, nc, Options{Replicas: 3, Timeout: electing, Sources: source})
	replicas := func() map[string]int {
		out := map[string]int{}
		streams := b.js.ListStreams(t.Context())
		for info := range streams.Info() {
			out[info.Config.Name] = info.Config.Replicas
		}
		require.NoError(t, streams.Err())
		return out
	}
	made := replicas()
	require.Len(t, made, len(b.streams())+len(b.buckets())+1, "and the sources' own")
	for name, n := range made {
		require.Equal(t, 3, n, name)
	}
	open(t, nc, Options{Timeout: electing, Sources: source})
	require.Equal(t, made, replicas())

	servers[2].Shutdown()
	seq, err := b.Journal().Append(t.Context(), "production.shop.a", "e1", []byte("{}"), 0)
	require.NoError(t, err)
	require.NotZero(t, seq)
}
