package main

import (
	"bytes"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/bus"
	"github.com/rollbackd/rollbackd/internal/event"
)

// startExternal is a NATS of the user's own, whose publisher may publish for shop and subscribe as given.
func startExternal(t *testing.T, publish string, subscribe ...string) (*stack, *server.Server) {
	t.Helper()
	srv, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: filepath.Join(t.TempDir(), "js"), NoSigs: true, NoLog: true,
		Users: []*server.User{{Username: "admin", Password: "admin"}, {Username: "ci", Password: "secret", Permissions: &server.Permissions{
			Publish:   &server.SubjectPermission{Allow: []string{publish}},
			Subscribe: &server.SubjectPermission{Allow: subscribe},
		}}},
	})
	require.NoError(t, err)
	srv.Start()
	t.Cleanup(func() { srv.Shutdown(); srv.WaitForShutdown() })
	require.True(t, srv.ReadyForConnections(patience))
	nc, err := nats.Connect(srv.ClientURL(), nats.Timeout(patience), nats.UserInfo("admin", "admin"))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	s := &stack{env: map[string]string{
		"ROLLBACKD_NATS": srv.ClientURL(), "ROLLBACKD_NATS_USER": "ci", "ROLLBACKD_NATS_PASSWORD": "secret",
	}}
	s.bus, err = bus.Open(t.Context(), nc, bus.Options{Instance: "main", Environments: []string{"production"}})
	require.NoError(t, err)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	s.stream, err = js.Stream(t.Context(), bus.DeploymentsStream)
	require.NoError(t, err)
	return s, srv
}

const shop = "deployments.production.shop.>"

// The event is stored, but no answer can arrive: a pipeline must not be told that it was refused, and must be able to
// publish the very same event again.
func TestEmitWithoutInbox(t *testing.T) {
	s, _ := startExternal(t, shop, "_INBOX.>")
	code, out, problems := s.run(t, emitting("--version", "v1", "--id", "d1")...)
	require.Equal(t, exitUsage, code, problems)
	require.Empty(t, out)
	require.Contains(t, problems, "the event may have been stored")
	require.Contains(t, problems, `Permissions Violation for Subscription to "_INBOX_ci.`)
	require.Eventually(t, func() bool { // nobody was answered that it is stored
		info, err := s.stream.Info(t.Context())
		return err == nil && info.State.Msgs == 1
	}, 30*time.Second, 10*time.Millisecond)
	first := s.published(t)

	hint := regexp.MustCompile(`--timestamp (\S+)`).FindStringSubmatch(problems)
	require.Len(t, hint, 2, problems)
	s.env["ROLLBACKD_NATS_INBOX_PREFIX"] = "_INBOX"
	code, _, problems = s.run(t, emitting("--version", "v1", "--id", "d1", "--timestamp", hint[1])...)
	require.Equal(t, exitDone, code, problems)
	require.Equal(t, string(first.Raw), string(s.published(t).Raw))
}

// A publish that is refused decides, whatever else is.
func TestEmitThatMayDoNothingIsRefused(t *testing.T) {
	s, _ := startExternal(t, "deployments.production.other.>", "nothing")
	for _, wait := range []string{"0s", "20s"} {
		code, out, problems := s.run(t, emitting("--version", "v1", "--wait", wait)...)
		require.Equal(t, exitRefused, code, problems)
		require.Empty(t, out)
		require.Contains(t, problems, `Permissions Violation for Publish to "deployments.production.shop.checkout"`)
	}
}

// That rejections cannot be waited for is no reason not to announce a deployment.
func TestEmitThatMayNotReadRejections(t *testing.T) {
	s, _ := startExternal(t, shop, "_INBOX_ci.>")
	code, out, problems := s.run(t, emitting("--version", "v1", "--wait", "20s")...)
	require.Equal(t, exitDone, code, problems)
	require.Equal(t, "stored on deployments.production.shop.checkout as DEPLOYMENTS 1\n", out)
	require.Contains(t, problems, `cannot wait for rejections: nats: permissions violation: `+
		`Permissions Violation for Subscription to "rollbackd.rejected.production.shop.checkout"`)
}

// The server goes away while emit waits: what is stored is told all the same, at once or in the one document. It goes once the answer has been read: an
// answer that is on its way may be lost with the connection, and then nobody knows.
func TestEmitWhoseServerGoesAway(t *testing.T) {
	for output, says := range map[output]string{
		outputText: "stored on deployments.production.shop.checkout as DEPLOYMENTS 1",
		outputJSON: `{"subject":"deployments.production.shop.checkout","stream":"DEPLOYMENTS","sequence":1}`,
	} {
		t.Run(string(output), func(t *testing.T) {
			s, srv := startExternal(t, shop, "_INBOX_ci.>", "rollbackd.rejected.production.shop.>")
			target := event.Target{Environment: "production", Namespace: "shop", Workload: "checkout"}
			c := connection{timeout: time.Minute}
			require.NoError(t, c.complete(func(name string) string { return s.env[name] }))
			p, err := newPublisher(t.Context(), c, target)
			require.NoError(t, err)
			t.Cleanup(p.close)
			p.listen()
			ack, err := p.publish([]byte(minimal))
			require.NoError(t, err)

			var out bytes.Buffer
			e := emit{around: surroundings{out: &out, err: &out}, output: output, wait: time.Hour}
			done := make(chan error, 1)
			go func() {
				done <- e.report(t.Context(), p, emitted{Subject: ack.subject, Stream: ack.stream, Sequence: ack.sequence})
			}()
			srv.Shutdown()
			err = <-done
			require.ErrorContains(t, err, "unable to wait for a rejection")
			require.Equal(t, exitUsage, exitCode(err), "nobody refused anything")
			require.Equal(t, says+"\n", out.String())
		})
	}
}
