package main

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/bus"
	"github.com/rollbackd/rollbackd/internal/event"
)

// With the permissions of the file, a daemon does all that it does on NATS, a team announces its own deployments and nobody else's,
// and a person may ask about their own workloads.
func TestPermissionsOfTheFile(t *testing.T) {
	url := serve(t)
	nc, refused := dial(t, url, "rollbackd")
	options := productionBus()
	options.Replicas = 1
	daemon, err := bus.Open(t.Context(), nc, options)
	require.NoError(t, err)

	team, teamRefused := dial(t, url, "ci-shop")
	js, err := jetstream.New(team)
	require.NoError(t, err)
	_, err = js.Publish(t.Context(), "deployments.production.shop.checkout", []byte("{}"))
	require.NoError(t, err)
	require.NoError(t, team.Publish("deployments.production.payments.gate", []byte("{}")))
	require.ErrorIs(t, <-teamRefused, nats.ErrPermissionViolation)
	rejections, err := team.SubscribeSync("rollbackd.rejected.production.shop.>")
	require.NoError(t, err)
	require.NoError(t, team.Flush())

	consume(t, daemon)
	_, err = rejections.NextMsg(10 * time.Second)
	require.NoError(t, err, "the team hears why it was rejected")

	store(t, daemon)
	ana, _ := dial(t, url, "ana")
	answer(t, nc, ana)
	require.Empty(t, refused, "nothing that the daemon does is refused")
}

// serve runs a server with the file, as an administrator would.
func serve(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"ROLLBACKD", "CI_SHOP", "ANA"} {
		t.Setenv("NATS_PASSWORD_"+name, "secret")
	}
	options, err := server.ProcessConfigFile(filepath.Join(root, natsDir, "permissions.conf"))
	require.NoError(t, err)
	options.Host, options.Port, options.StoreDir, options.NoSigs, options.NoLog, options.JetStream = "127.0.0.1", -1, t.TempDir(), true, true, true
	s, err := server.NewServer(options)
	require.NoError(t, err)
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	require.True(t, s.ReadyForConnections(10*time.Second))
	return s.ClientURL()
}

// dial connects as a user; refused gets what the server does not allow.
func dial(t *testing.T, url, user string) (nc *nats.Conn, refused chan error) {
	t.Helper()
	refused = make(chan error, 16)
	options := []nats.Option{
		nats.UserInfo(user, "secret"), nats.NoReconnect(),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }),
	}
	if user != "rollbackd" {
		options = append(options, nats.CustomInboxPrefix(event.InboxPrefix(user)))
	}
	nc, err := nats.Connect(url, options...)
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc, refused
}

// consume has the daemon take one event, and reject it.
func consume(t *testing.T, daemon *bus.Bus) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	taken := make(chan string, 4)
	go func() {
		_ = daemon.Consume(ctx, func(_ context.Context, d bus.Delivery) bus.Disposition {
			taken <- d.Subject
			return bus.Reject(&event.Rejection{Code: event.CodeStale, Reason: "old"})
		})
	}()
	select {
	case subject := <-taken:
		require.Equal(t, "deployments.production.shop.checkout", subject)
	case <-time.After(20 * time.Second):
		t.Fatal("no event arrived")
	}
	require.Eventually(t, func() bool { return daemon.Ready() == nil }, 10*time.Second, 20*time.Millisecond)
}

// store has the daemon write what it keeps.
func store(t *testing.T, daemon *bus.Bus) {
	t.Helper()
	const key = "production.shop.0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	_, err := daemon.Watches().Create(t.Context(), key, []byte("{}"))
	require.NoError(t, err)
	_, err = daemon.Journal().Append(t.Context(), key, "a", []byte("{}"), 0)
	require.NoError(t, err)
	require.NoError(t, daemon.Journal().Note(t.Context(), key, "b", []byte("{}")))
	_, err = daemon.Names().Claim(t.Context(), "incident-1", key)
	require.NoError(t, err)
}

// answer has a person ask and the daemon answer, on the subjects that rollbackctl uses.
func answer(t *testing.T, daemon, person *nats.Conn) {
	t.Helper()
	permissions, err := bus.DaemonPermissions(productionBus())
	require.NoError(t, err)
	pattern := permissions.Subscribe[slices.IndexFunc(permissions.Subscribe, func(s string) bool { return s != "_INBOX.>" })]
	_, err = daemon.Subscribe(pattern, func(m *nats.Msg) { _ = m.Respond([]byte("yes")) })
	require.NoError(t, err)
	require.NoError(t, daemon.Flush())
	reply, err := person.Request("rollbackd.ctl.ana.list.production.shop.-", nil, 10*time.Second)
	require.NoError(t, err)
	require.Equal(t, "yes", string(reply.Data))
}
