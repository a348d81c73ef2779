package natsauth_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/internal/natstest"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 15 * time.Second

// serve runs a server which lets nobody in but whoever has the newest credentials.
func serve(t *testing.T, l *natstest.Login, port int) *server.Server {
	t.Helper()
	return natstest.Serve(t, l, &server.Options{Port: port})
}

func port(s *server.Server) int { return s.Addr().(*net.TCPAddr).Port }

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-time.After(10 * time.Millisecond) {
		if condition() {
			return
		}
	}
	t.Fatalf("not within %s: %s", patience, what)
}

// patient are options of a client that goes on trying, as the daemon's does.
func patient(reconnected *atomic.Int32) []nats.Option {
	return []nats.Option{
		nats.MaxReconnects(-1), nats.ReconnectWait(20 * time.Millisecond), nats.ReconnectJitter(0, 0), nats.IgnoreAuthErrorAbort(), nats.RetryOnFailedConnect(true),
		nats.ReconnectHandler(func(*nats.Conn) { reconnected.Add(1) }),
	}
}

// Each way to log in is replaced while the client is connected: it connects anew at once, with what is new, and an answer that it waits for comes.
func TestCredentialsAreReplacedInTheFile(t *testing.T) {
	for name, way := range natstest.Logins() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := way(t, t.TempDir())
			l.Replace(t)
			s := serve(t, l, server.RANDOM_PORT)
			var reconnected atomic.Int32
			nc, err := l.Connect(s.ClientURL(), patient(&reconnected)...)
			require.NoError(t, err)
			defer nc.Close()
			eventually(t, "connected", nc.IsConnected)
			ctx, cancel := context.WithCancel(t.Context())
			kept := make(chan struct{})
			go func() { defer close(kept); l.KeepCurrent(ctx, nc, 20*time.Millisecond, zap.NewNop()) }()
			defer func() { cancel(); <-kept }()

			_, err = nc.Subscribe("hello", func(m *nats.Msg) { _ = m.Respond(m.Data) })
			require.NoError(t, err)
			greets := func() bool {
				answer, err := nc.Request("hello", []byte("there"), time.Second)
				return err == nil && string(answer.Data) == "there"
			}
			require.True(t, greets())
			for round := range 2 {
				before := reconnected.Load()
				l.Replace(t) // the server does not know them yet, unless it trusts whatever its operator signs
				eventually(t, "the client has noticed", func() bool { return !nc.IsConnected() || reconnected.Load() > before })
				again := port(s)
				s.Shutdown()
				s.WaitForShutdown()
				s = serve(t, l, again)
				eventually(t, fmt.Sprintf("connected by what is new, round %d", round), func() bool { return reconnected.Load() > before && nc.IsConnected() })
				eventually(t, "answered", greets)
			}
		})
	}
}

// What was replaced does not let anybody in any more: the test above would otherwise show nothing.
func TestOldCredentialsAreRefused(t *testing.T) {
	for name, way := range natstest.Logins() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := way(t, t.TempDir())
			l.Replace(t)
			serve(t, l, server.RANDOM_PORT)
			aged := l.Aged(t)
			l.Replace(t)
			s := serve(t, l, server.RANDOM_PORT)
			_, err := aged.Connect(s.ClientURL(), nats.NoReconnect())
			require.Error(t, err)
			nc, err := l.Connect(s.ClientURL(), nats.NoReconnect())
			require.NoError(t, err)
			nc.Close()
		})
	}
}

// Files that cannot be used leave the connection alone, and are said to be wrong without showing what is in them.
func TestBrokenCredentialsLeaveTheConnection(t *testing.T) {
	const canary = "canary-4f1c"
	for name, way := range natstest.Logins() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := way(t, t.TempDir())
			l.Replace(t)
			s := serve(t, l, server.RANDOM_PORT)
			nc, err := l.Connect(s.ClientURL(), nats.NoReconnect())
			require.NoError(t, err)
			defer nc.Close()
			require.NoError(t, l.Check())
			for _, path := range l.Files() {
				text, err := os.ReadFile(path)
				require.NoError(t, err)
				for _, wrong := range []string{"", "absent", canary} {
					if wrong == canary && (l.TokenFile == path || l.PasswordFile == path) {
						continue // any text may be one
					}
					write(t, path, wrong)
					if wrong == "absent" {
						require.NoError(t, os.Remove(path))
					}
					err := l.Check()
					require.Error(t, err, wrong)
					require.ErrorContains(t, err, path)
					require.NotContains(t, err.Error(), canary)
					require.True(t, nc.IsConnected())
				}
				write(t, path, string(text))
			}
			require.NoError(t, l.Check())
		})
	}
}
