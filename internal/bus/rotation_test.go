//go:build !race

package bus

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/natsauth"
)

// The race detector would find a race of the NATS server with itself here: it counts what comes from a client while it throws it out, and
// reads the count for an event (sendAuthErrorEvent in its version 2.15). make test runs this without it.

// The password is replaced, at the server and in the file, again and again while a journal is written: no entry is lost or stored twice, and no append fails.
func TestCredentialsAreReplacedWhileAJournalIsWritten(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "password")
	options := func(password string) *server.Options {
		return &server.Options{
			ServerName: "rotating", Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, NoSigs: true, NoLog: true,
			Users: []*server.User{{Username: "rollbackd", Password: password}},
		}
	}
	replace := func(password string) { require.NoError(t, os.WriteFile(file, []byte(password+"\n"), 0o600)) }
	replace("password-0")
	first := options("password-0")
	first.StoreDir = t.TempDir()
	s, err := server.NewServer(first)
	require.NoError(t, err)
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	require.True(t, s.ReadyForConnections(patience))

	credentials := natsauth.Credentials{User: "rollbackd", PasswordFile: file}
	nc, err := credentials.Connect(s.ClientURL(), ConnectOptions(testLog(t))...)
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	b := open(t, nc, Options{Timeout: patience})
	ctx, cancel := context.WithCancel(t.Context())
	kept := make(chan struct{})
	go func() { defer close(kept); credentials.KeepCurrent(ctx, nc, 20*time.Millisecond, testLog(t)) }()
	t.Cleanup(func() { cancel(); <-kept })

	var written atomic.Int64
	failed := make(chan error, 1)
	stop := make(chan struct{})
	go func() {
		var last uint64
		for {
			select {
			case <-stop:
				failed <- nil
				return
			default:
			}
			seq, err := b.Journal().Append(t.Context(), "production.shop.a", fmt.Sprint(written.Load()), fmt.Append(nil, written.Load()), last)
			if err != nil {
				failed <- fmt.Errorf("entry %d: %w", written.Load(), err)
				return
			}
			last = seq
			written.Add(1)
		}
	}()
	for round := 1; round <= 4; round++ {
		<-time.After(200 * time.Millisecond)
		next := options(fmt.Sprintf("password-%d", round))
		next.Port, next.StoreDir = first.Port, first.StoreDir
		before := nc.Stats().Reconnects
		replace(fmt.Sprintf("password-%d", round))
		require.NoError(t, s.ReloadOptions(next)) // which throws out who logged in by the old one
		eventually(t, func() error {
			if nc.Stats().Reconnects == before || !nc.IsConnected() {
				return fmt.Errorf("not connected by password %d", round)
			}
			return nil
		})
	}
	within(t, 2*patience, func() error { // an entry whose answer was lost with its connection is given up after half of the time
		if n := written.Load(); n <= 4 && len(failed) == 0 {
			return fmt.Errorf("%d entries", n)
		}
		return nil
	})
	close(stop)
	require.NoError(t, <-failed)
	read := 0
	require.NoError(t, b.Journal().Read(t.Context(), "production.shop.a", func(_ uint64, data []byte) error {
		require.Equal(t, fmt.Sprint(read), string(data))
		read++
		return nil
	}))
	require.EqualValues(t, written.Load(), read)
}
