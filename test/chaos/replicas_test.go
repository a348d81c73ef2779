package chaos

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// replica is one of two daemons of one instance, with its ways to NATS and to the API server, which can be cut.
type replica struct {
	*daemon
	nats, api *wire
}

// newReplica writes a replica's configuration; it is not started.
func newReplica(t *testing.T, w *world, n *natsServer) *replica {
	t.Helper()
	server, err := url.Parse(w.stack.APIServer)
	require.NoError(t, err)
	r := &replica{nats: newWire(t, n.address), api: newWire(t, server.Host)}
	text, err := os.ReadFile(w.stack.DaemonKubeconfig)
	require.NoError(t, err)
	host, _, err := net.SplitHostPort(server.Host)
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(r.api.address)
	require.NoError(t, err)
	require.Contains(t, string(text), server.Host)
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	cut := strings.ReplaceAll(string(text), server.Host, net.JoinHostPort(host, port)) // the host is in the server's certificate
	require.NoError(t, os.WriteFile(kubeconfig, []byte(cut), 0o600))
	r.daemon = newDaemon(t, w, func(s *settings) {
		ofAFleet(s)
		s.External, s.Kubeconfig, s.LeaderElection, s.Active = "nats://"+r.nats.address, kubeconfig, true, 2*time.Minute
	})
	return r
}

// leads reports whether the replica says that it leads.
func (r *replica) leads() bool {
	_, metrics, err := r.get("/metrics")
	return err == nil && strings.Contains(metrics, "\nrollbackd_leader 1\n")
}

// replicas are two daemons of one instance.
type replicas [2]*replica

// leader waits until one of them leads, and returns its number.
func (rs replicas) leader(t *testing.T) int {
	t.Helper()
	leader := 0
	eventually(t, time.Minute, func() (bool, string) {
		for i, r := range rs {
			if r.leads() {
				leader = i
				return true, ""
			}
		}
		return false, "neither daemon leads"
	})
	return leader
}

// TestTwoReplicas: a hundred watches, carried by two daemons on one NATS. Whichever leads is killed, frozen and cut off at random
// moments.
func TestTwoReplicas(t *testing.T) {
	w := alone(t)
	onlyWhole(t)
	n := newNATS(t)
	var both replicas
	for i := range both {
		both[i] = newReplica(t, w, n)
	}
	f := newFleet(t, w, "A hundred watches, two daemons, and whichever leads is killed, frozen and cut off", 100, 8)
	f.apart = time.Second
	for _, r := range both {
		r.launch("")
	}
	both.leader(t)
	straight := *both[0].daemon
	straight.External = "nats://" + n.address // the deploy tool's way to NATS is not cut
	f.release(both.strikes(f), &straight)
	f.check(6*time.Minute, both[0].daemon, both[1].daemon)
	for i, r := range both {
		require.Zero(t, r.notices("its watch is lost"), fmt.Sprintf("daemon %d lost a watch", i))
	}
}
