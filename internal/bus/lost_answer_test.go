package bus

import (
	"bytes"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// deafDialer makes connections that lose what the server says while deaf is set.
type deafDialer struct {
	deaf atomic.Bool
	// answers counts the answers that were lost; pings and the like do not count.
	answers atomic.Int64
}

func (d *deafDialer) Dial(network, address string) (net.Conn, error) {
	conn, err := net.Dial(network, address)
	return &deafConn{Conn: conn, dialer: d}, err
}

type deafConn struct {
	net.Conn
	dialer *deafDialer
}

func (c *deafConn) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if err != nil || !c.dialer.deaf.Load() {
			return n, err
		}
		if bytes.Contains(p[:n], []byte("MSG ")) {
			c.dialer.answers.Add(1)
		}
	}
}

// openDeaf opens a bus on a connection that can be made deaf, and one to watch the server with.
func openDeaf(t *testing.T) (bus, observer *Bus, dialer *deafDialer) {
	t.Helper()
	server, dialer := startServer(t), &deafDialer{}
	nc, err := nats.Connect(server.URL(), nats.Timeout(patience), nats.UserInfo(internalUser, server.password), nats.SetCustomDialer(dialer))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	options := Options{Timeout: 6 * time.Second} // of which half is waited for the answer that is lost
	return open(t, nc, options), open(t, connect(t, server), options), dialer
}

// losingTheAnswer runs write and lets nothing be heard until the stream has stored it.
func losingTheAnswer(t *testing.T, observer *Bus, stream string, dialer *deafDialer, write func() (uint64, error)) uint64 {
	t.Helper()
	before, lost := streamState(t, observer.js, stream).LastSeq, dialer.answers.Load()
	dialer.deaf.Store(true)
	type result struct {
		seq uint64
		err error
	}
	done := make(chan result, 1)
	go func() {
		seq, err := write()
		done <- result{seq, err}
	}()
	eventually(t, func() error {
		if streamState(t, observer.js, stream).LastSeq == before {
			return errors.New("nothing was stored")
		}
		return nil
	})
	eventually(t, func() error {
		if dialer.answers.Load() == lost {
			return errors.New("the answer has not come yet")
		}
		return nil
	})
	dialer.deaf.Store(false)
	got := <-done
	require.NoError(t, got.err)
	require.Equal(t, before+1, streamState(t, observer.js, stream).LastSeq, "it was stored once")
	return got.seq
}

func TestAppendWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	bus, observer, dialer := openDeaf(t)
	seq := losingTheAnswer(t, observer, journalStream("main"), dialer, func() (uint64, error) {
		return bus.Journal().Append(t.Context(), watchKey, "intent", []byte("intent"), 0)
	})
	require.EqualValues(t, 1, seq)
}

func TestWatchWriteWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	bus, observer, dialer := openDeaf(t)
	stream := "KV_" + watchesBucket("main")
	first := losingTheAnswer(t, observer, stream, dialer, func() (uint64, error) {
		return bus.Watches().Create(t.Context(), watchKey, []byte("one"))
	})
	require.EqualValues(t, 1, first)
	second := losingTheAnswer(t, observer, stream, dialer, func() (uint64, error) {
		return bus.Watches().Update(t.Context(), watchKey, []byte("two"), first)
	})
	require.EqualValues(t, 2, second)
}
