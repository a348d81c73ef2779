package bus

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/event"
)

func TestPeopleAreAnswered(t *testing.T) {
	server, b := controlled(t)
	answered := make(chan control.Asked, 10)
	serve(t, b, func(_ context.Context, a control.Asked) control.Reply {
		answered <- a
		return control.Reply{OK: true, Message: "done"}
	})
	ana := connectAs(t, server, "ana")
	checkout := event.Target{Environment: "production", Namespace: "shop", Workload: "checkout"}

	got := ask(t, ana, control.Subject("ana", control.Approve, checkout), `{"watch":"k"}`)
	require.Equal(t, control.Reply{OK: true, Message: "done"}, got)
	require.Equal(t, control.Asked{By: "ana", Verb: control.Approve, Target: checkout, Request: control.Request{Watch: "k"}}, <-answered)

	got = ask(t, ana, control.Subject("ana", control.Approve, checkout), `{"watch":`)
	require.Equal(t, control.CodeMalformed, got.Code, "what cannot be read is answered, too")
	require.Empty(t, answered)
}

// The name in the subject is the actor of the record, so that the server must hold people to their own.
func TestNobodyActsUnderAnothersName(t *testing.T) {
	server, b := controlled(t)
	serve(t, b, func(context.Context, control.Asked) control.Reply {
		t.Error("it came through")
		return control.Reply{}
	})
	shop := event.Target{Environment: "production", Namespace: "shop", Workload: "checkout"}
	elsewhere := event.Target{Environment: "production", Namespace: "bank", Workload: "checkout"}
	for name, subject := range map[string]string{
		"another's name":    control.Subject("bob", control.Approve, shop),
		"another namespace": control.Subject("ana", control.Approve, elsewhere),
		"an announcement":   shop.Subject(),
	} {
		t.Run(name, func(t *testing.T) {
			ana := connectAs(t, server, "ana")
			require.NoError(t, ana.Publish(subject, []byte(`{"watch":"k"}`)))
			require.NoError(t, ana.FlushTimeout(patience))
			require.ErrorContains(t, ana.LastError(), "Permissions Violation for Publish")
		})
	}
}

func TestTooManyRequestsAreToldToComeAgain(t *testing.T) {
	server, b := controlled(t)
	full := make(chan struct{}, maxControls)
	release := make(chan struct{})
	serve(t, b, func(ctx context.Context, _ control.Asked) control.Reply {
		full <- struct{}{}
		<-release
		return control.Reply{OK: true}
	})
	ana := connectAs(t, server, "ana")
	subject := control.Subject("ana", control.List, event.Target{Environment: "production", Namespace: "shop", Workload: "checkout"})
	for range maxControls {
		require.NoError(t, ana.Publish(subject, nil))
	}
	for range maxControls {
		<-full
	}
	got := ask(t, ana, subject, "")
	require.Equal(t, control.CodeBusy, got.Code)
	close(release)
}

func controlled(t *testing.T) (*Embedded, *Bus) {
	t.Helper()
	server, err := StartEmbedded(EmbeddedOptions{DataDir: t.TempDir(), Listen: "127.0.0.1:0", Users: []User{
		{Name: "ana", Password: "secret", Control: []Scope{{Environment: "production", Namespace: "shop"}}},
	}})
	require.NoError(t, err)
	t.Cleanup(server.Shutdown)
	nc, err := server.Connect()
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	b, err := Open(t.Context(), nc, Options{Instance: "main", Environments: []string{"production"}})
	require.NoError(t, err)
	return server, b
}

// serve answers until the test ends, and listens when it returns.
func serve(t *testing.T, b *Bus, answer func(context.Context, control.Asked) control.Reply) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	before := b.nc.NumSubscriptions() // the connection has one for answers
	go func() { ended <- b.Control(ctx, answer) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	require.Eventually(t, func() bool {
		listens := b.nc.NumSubscriptions() >= before+len(b.options.Environments)
		return (listens || b.control.get() != nil) && b.nc.Flush() == nil
	}, patience, 5*time.Millisecond)
}

func connectAs(t *testing.T, server *Embedded, user string) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(server.URL(), nats.Timeout(patience), nats.UserInfo(user, "secret"), nats.CustomInboxPrefix(event.InboxPrefix(user)))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc
}

func ask(t *testing.T, nc *nats.Conn, subject, body string) control.Reply {
	t.Helper()
	msg, err := nc.Request(subject, []byte(body), patience)
	require.NoError(t, err)
	var reply control.Reply
	require.NoError(t, json.Unmarshal(msg.Data, &reply))
	return reply
}

// A daemon that the server does not let hear people says so, and hears them once it may.
func TestADaemonThatMayNotHearPeopleIsNotReady(t *testing.T) {
	users := func(denied ...string) []*natsserver.User {
		return []*natsserver.User{{Username: "rollbackd", Password: "p", Permissions: &natsserver.Permissions{Subscribe: &natsserver.SubjectPermission{Deny: denied}}}}
	}
	options := natsserver.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true, Users: users("rollbackd.ctl.>")}
	server, err := natsserver.NewServer(&options)
	require.NoError(t, err)
	server.Start()
	t.Cleanup(func() { server.Shutdown(); server.WaitForShutdown() })
	require.True(t, server.ReadyForConnections(patience))
	nc, err := nats.Connect(server.ClientURL(), nats.Timeout(patience), nats.UserInfo("rollbackd", "p"), nats.ReconnectWait(pollEvery), nats.MaxReconnects(-1))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	b := open(t, nc, Options{})
	b.controlAgain = pollEvery
	serve(t, b, func(context.Context, control.Asked) control.Reply { return control.Reply{OK: true} })
	require.Eventually(t, func() bool { return b.control.get() != nil }, patience, pollEvery)
	require.ErrorContains(t, b.Ready(), "subscribe to rollbackd.ctl.*.*.production.>; add it to the permissions of its user")
	for range 3 {
		refused := nc.LastError()
		require.Eventually(t, func() bool { return nc.LastError() != refused }, patience, pollEvery, "it is tried again")
		require.Error(t, b.control.get(), "and refused again")
	}

	options.Users = users()
	require.NoError(t, server.ReloadOptions(&options))
	require.Eventually(t, func() bool { return b.control.get() == nil }, patience, pollEvery)
}
