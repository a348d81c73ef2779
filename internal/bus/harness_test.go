package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"github.com/rollbackd/rollbackd/internal/event"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

const (
	checkout = "deployments.production.shop.checkout"
	// patience is how long something that comes may take on a machine that has much else to do; it is also what those who write against each other
	// are given, who may lose to all the others before they have their turn.
	patience  = 15 * time.Second
	pollEvery = 10 * time.Millisecond
)

func startServer(t *testing.T, users ...User) *Embedded {
	t.Helper()
	return startServerAt(t, t.TempDir(), "127.0.0.1:0", users...)
}

func startServerAt(t *testing.T, dir, listen string, users ...User) *Embedded {
	t.Helper()
	server, err := StartEmbedded(EmbeddedOptions{DataDir: dir, Listen: listen, Users: users, Log: testLog(t)})
	require.NoError(t, err)
	t.Cleanup(server.Shutdown)
	return server
}

// testLog discards what is logged after the test, which would make it panic.
func testLog(t *testing.T) *zap.Logger {
	return zaptest.NewLogger(t, zaptest.Level(zap.ErrorLevel))
}

func connect(t *testing.T, server *Embedded) *nats.Conn {
	t.Helper()
	nc, err := server.Connect()
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc
}

func open(t *testing.T, nc *nats.Conn, options Options) *Bus {
	t.Helper()
	if options.Instance == "" {
		options.Instance = "main"
	}
	if options.Environments == nil {
		options.Environments = []string{"production"}
	}
	bus, err := Open(t.Context(), nc, options)
	require.NoError(t, err)
	return bus
}

func openNew(t *testing.T, options Options) *Bus {
	t.Helper()
	return open(t, connect(t, startServer(t)), options)
}

// consume runs Consume until the test ends or stop is called.
func consume(t *testing.T, bus *Bus, handler Handler) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- bus.Consume(ctx, handler) }()
	stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-done)
	})
	t.Cleanup(stop)
	eventually(t, func() error { return bus.Ready() })
	return stop
}

// eventually polls until the condition holds.
func eventually(t *testing.T, condition func() error) {
	t.Helper()
	within(t, patience, condition)
}

// within polls until the condition holds, for so long at the most.
func within(t *testing.T, patience time.Duration, condition func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if err = condition(); err == nil {
			return
		}
		time.Sleep(pollEvery)
	}
	require.NoError(t, err, "not within %s", patience)
}

// inbox collects the deliveries that a handler was given.
type inbox struct {
	mu         sync.Mutex
	deliveries []Delivery
	decide     func(Delivery) Disposition
}

func (i *inbox) handle(_ context.Context, delivery Delivery) Disposition {
	i.mu.Lock()
	i.deliveries = append(i.deliveries, delivery)
	decide := i.decide
	i.mu.Unlock()
	if decide != nil {
		return decide(delivery)
	}
	return Accept()
}

func (i *inbox) all() []Delivery {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]Delivery(nil), i.deliveries...)
}

func (i *inbox) has(n int) func() error {
	return func() error {
		if got := len(i.all()); got < n {
			return fmt.Errorf("%d deliveries, not %d", got, n)
		}
		return nil
	}
}

func publish(t *testing.T, bus *Bus, subject, data string) uint64 {
	t.Helper()
	ack, err := bus.js.Publish(t.Context(), subject, []byte(data))
	require.NoError(t, err)
	return ack.Sequence
}

// settled waits until the consumer has nothing left to hand out or to be told of.
func settled(t *testing.T, bus *Bus) {
	t.Helper()
	eventually(t, func() error {
		consumer, err := bus.js.Consumer(t.Context(), DeploymentsStream, consumerName(bus.options.Instance))
		if err != nil {
			return err
		}
		info := consumer.CachedInfo()
		if info.NumPending+uint64(info.NumAckPending) > 0 {
			return fmt.Errorf("%d pending, %d not settled", info.NumPending, info.NumAckPending)
		}
		// A message that has just been stored is pending a moment later only.
		if last := lastFor(t, bus, info.Config.FilterSubjects); info.AckFloor.Stream < last {
			return fmt.Errorf("settled up to %d of %d", info.AckFloor.Stream, last)
		}
		return nil
	})
}

// lastFor is the sequence of the newest event on any of the subjects.
func lastFor(t *testing.T, bus *Bus, subjects []string) uint64 {
	t.Helper()
	stream, err := bus.js.Stream(t.Context(), DeploymentsStream)
	require.NoError(t, err)
	var last uint64
	for _, subject := range subjects {
		msg, err := stream.GetLastMsgForSubject(t.Context(), subject)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		require.NoError(t, err)
		last = max(last, msg.Sequence)
	}
	return last
}

// rejections reads what the stream REJECTED holds for a subject.
func rejections(t *testing.T, bus *Bus, subject string) []event.Notice {
	t.Helper()
	stream, err := bus.js.Stream(t.Context(), RejectedStream)
	require.NoError(t, err)
	var notices []event.Notice
	for seq := uint64(1); seq <= stream.CachedInfo().State.LastSeq; seq++ {
		msg, err := stream.GetMsg(t.Context(), seq)
		require.NoError(t, err)
		if msg.Subject != subject {
			continue
		}
		var notice event.Notice
		require.NoError(t, json.Unmarshal(msg.Data, &notice))
		notices = append(notices, notice)
	}
	return notices
}

func streamState(t *testing.T, js jetstream.JetStream, name string) jetstream.StreamState {
	t.Helper()
	stream, err := js.Stream(t.Context(), name)
	require.NoError(t, err)
	return stream.CachedInfo().State
}
