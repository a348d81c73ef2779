package bus

import (
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/event"
)

var shopPublisher = User{Name: "ci", Password: "secret", Publish: []Scope{{Environment: "production", Namespace: "shop"}}}

// dialAs connects as a publisher would; refused gets what the server complains of.
func dialAs(t *testing.T, server *Embedded, user User) (nc *nats.Conn, refused chan error) {
	t.Helper()
	refused = make(chan error, 16)
	nc, err := nats.Connect(server.URL(), nats.Timeout(patience), nats.UserInfo(user.Name, user.Password),
		nats.CustomInboxPrefix(event.InboxPrefix(user.Name)), nats.NoReconnect(),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc, refused
}

func TestEmbeddedRefusesWhoIsNotConfigured(t *testing.T) {
	server := startServer(t, shopPublisher)
	for name, option := range map[string]nats.Option{
		"anonymous":      nats.Name("nobody"),
		"wrong password": nats.UserInfo("ci", "guess"),
		"unknown user":   nats.UserInfo("cd", "secret"),
		"the daemon":     nats.UserInfo(internalUser, ""),
	} {
		_, err := nats.Connect(server.URL(), nats.Timeout(patience), option)
		require.ErrorIs(t, err, nats.ErrAuthorization, name)
	}
}

func TestPublisherMayAnnounceItsOwnDeployments(t *testing.T) {
	server := startServer(t, shopPublisher)
	bus := open(t, connect(t, server), Options{})
	nc, refused := dialAs(t, server, shopPublisher)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	notices, err := nc.SubscribeSync("rollbackd.rejected.production.shop.>")
	require.NoError(t, err)

	ack, err := js.Publish(t.Context(), checkout, []byte("{}"))
	require.NoError(t, err)
	require.Equal(t, DeploymentsStream, ack.Stream)
	target, err := event.ParseSubject(checkout)
	require.NoError(t, err)
	require.NoError(t, bus.Reject(t.Context(), target, ack.Sequence, &event.Rejection{Code: event.CodeStale, Reason: "old"}))
	notice, err := notices.NextMsg(patience)
	require.NoError(t, err)
	require.Contains(t, string(notice.Data), `"code":"stale"`)

	documents, err := nc.SubscribeSync("rollbackd.cdevents.production.shop.>")
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	require.NoError(t, connect(t, server).Publish("rollbackd.cdevents.production.shop.checkout", []byte("{}")))
	_, err = documents.NextMsg(patience)
	require.NoError(t, err, "what came of a deployment is for who made it")
	require.Empty(t, refused)
}

func TestPublisherMayDoNothingElse(t *testing.T) {
	server := startServer(t, shopPublisher)
	bus := open(t, connect(t, server), Options{})
	before := streamState(t, bus.js, DeploymentsStream)
	for _, subject := range []string{
		"deployments.production.other.checkout", "deployments.staging.shop.checkout", "deployments.production.shop",
		"$KV.rollbackd-watches-main.x", "$JS.API.STREAM.LIST", "$JS.API.STREAM.DELETE.DEPLOYMENTS",
		"$JS.API.STREAM.MSG.GET.DEPLOYMENTS", "$JS.API.CONSUMER.CREATE.DEPLOYMENTS", "$JS.ACK.DEPLOYMENTS.rollbackd-main.1",
		"rollbackd.rejected.production.shop.checkout", "rollbackd.cdevents.production.shop.checkout", "rollbackd.journal.main.x", "rollbackd.ctl.ci.abort.production.shop.a",
		"$SYS.REQ.SERVER.PING", "_INBOX_cd.x", "anything",
	} {
		nc, refused := dialAs(t, server, shopPublisher)
		require.NoError(t, nc.Publish(subject, []byte("{}")))
		requireRefused(t, refused, subject)
	}
	for _, subject := range []string{
		"_INBOX_cd.>", "_INBOX.>", "_INBOX_ci", ">", "rollbackd.rejected.>", "rollbackd.rejected.production.other.>",
		"rollbackd.cdevents.>", "rollbackd.cdevents.production.other.>",
		"deployments.production.shop.>", "$KV.>", "$JS.>", "rollbackd.journal.>", "_INBOX_*.>",
	} {
		nc, refused := dialAs(t, server, shopPublisher)
		_, err := nc.SubscribeSync(subject)
		require.NoError(t, err)
		requireRefused(t, refused, subject)
	}
	require.Equal(t, before.LastSeq, streamState(t, bus.js, DeploymentsStream).LastSeq)
}

func requireRefused(t *testing.T, refused chan error, subject string) {
	t.Helper()
	select {
	case err := <-refused:
		require.ErrorIs(t, err, nats.ErrPermissionViolation, subject)
	case <-time.After(patience):
		require.Fail(t, "not refused", subject)
	}
}

func TestUserOfEveryNamespaceStaysInItsEnvironment(t *testing.T) {
	user := User{Name: "cd", Password: "secret", Publish: []Scope{{Environment: "staging", Namespace: AnyNamespace}}}
	server := startServer(t, user)
	open(t, connect(t, server), Options{})
	nc, refused := dialAs(t, server, user)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	_, err = js.Publish(t.Context(), "deployments.staging.any.checkout", nil)
	require.NoError(t, err)
	require.NoError(t, nc.Publish(checkout, nil))
	requireRefused(t, refused, checkout)
}

func TestEmbeddedStartErrors(t *testing.T) {
	running := startServer(t)
	dir := t.TempDir()
	startServerAt(t, dir, "127.0.0.1:0")
	file := t.TempDir() + "/file"
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	tests := map[string]struct {
		options EmbeddedOptions
		problem string
	}{
		"directory in use":   {EmbeddedOptions{DataDir: dir, Listen: "127.0.0.1:0"}, "in use by another rollbackd"},
		"port in use":        {EmbeddedOptions{DataDir: t.TempDir(), Listen: running.Addr().String()}, "address already in use"},
		"no directory":       {EmbeddedOptions{Listen: "127.0.0.1:0"}, "no data directory"},
		"a file":             {EmbeddedOptions{DataDir: file, Listen: "127.0.0.1:0"}, "unable to make the data directory"},
		"cannot be written":  {EmbeddedOptions{DataDir: "/proc/rollbackd", Listen: "127.0.0.1:0"}, "unable to make the data directory"},
		"no port":            {EmbeddedOptions{DataDir: t.TempDir(), Listen: "127.0.0.1"}, "not host:port"},
		"bad port":           {EmbeddedOptions{DataDir: t.TempDir(), Listen: "127.0.0.1:x"}, "no valid port"},
		"no host":            {EmbeddedOptions{DataDir: t.TempDir(), Listen: ":0"}, "names no host"},
		"user's name":        {EmbeddedOptions{DataDir: t.TempDir(), Users: []User{{Name: "a.>", Password: "x"}}}, "user name"},
		"user's password":    {EmbeddedOptions{DataDir: t.TempDir(), Users: []User{{Name: "a"}}}, "no password"},
		"user twice":         {EmbeddedOptions{DataDir: t.TempDir(), Users: []User{shopPublisher, shopPublisher}}, "twice"},
		"user's environment": {withScope(t, Scope{Environment: "*", Namespace: "shop"}), "environment"},
		"user's namespace":   {withScope(t, Scope{Environment: "production", Namespace: ">"}), "namespace"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := StartEmbedded(test.options)
			require.ErrorContains(t, err, test.problem)
		})
	}
}

func withScope(t *testing.T, scope Scope) EmbeddedOptions {
	return EmbeddedOptions{
		DataDir: t.TempDir(), Listen: "127.0.0.1:0", Users: []User{{Name: "a", Password: "x", Publish: []Scope{scope}}},
	}
}

func TestEmbeddedKeepsItsStreams(t *testing.T) {
	dir := t.TempDir()
	server := startServerAt(t, dir, "127.0.0.1:0")
	seq := publish(t, open(t, connect(t, server), Options{}), checkout, "{}")
	server.Shutdown()
	server.Shutdown()

	again := startServerAt(t, dir, "127.0.0.1:0")
	bus := open(t, connect(t, again), Options{})
	require.Equal(t, seq, streamState(t, bus.js, DeploymentsStream).LastSeq)
}
