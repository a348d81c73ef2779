package bus

import (
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/event"
)

func TestOptionsAreChecked(t *testing.T) {
	for problem, options := range map[string]Options{
		"instance":         {Instance: "Main.*", Environments: []string{"production"}},
		"no environments":  {Instance: "main"},
		"not an RFC 1123":  {Instance: "main", Environments: []string{">"}},
		"configured twice": {Instance: "main", Environments: []string{"a", "a"}},
	} {
		_, err := Open(t.Context(), nil, options)
		require.ErrorContains(t, err, problem)
	}
}

func TestConsumeAccepts(t *testing.T) {
	registry := prometheus.NewRegistry()
	bus := openNew(t, Options{Registerer: registry})
	require.ErrorIs(t, bus.Ready(), errNotConsuming)
	seq := publish(t, bus, checkout, "body")
	var got inbox
	stop := consume(t, bus, got.handle)
	eventually(t, got.has(1))
	settled(t, bus)
	delivery := got.all()[0]
	require.WithinDuration(t, time.Now(), delivery.Received, time.Minute)
	delivery.Received = time.Time{}
	require.Equal(t, Delivery{Subject: checkout, Data: []byte("body"), StreamSeq: seq}, delivery)
	require.InDelta(t, 1, testutil.ToFloat64(bus.events.WithLabelValues("accepted", "")), 0)
	stop()
	require.ErrorIs(t, bus.Ready(), errNotConsuming)
}

func TestRejectionIsPublished(t *testing.T) {
	bus := openNew(t, Options{})
	var got inbox
	got.decide = func(delivery Delivery) Disposition {
		_, err := event.Decode(delivery.Subject, delivery.Data)
		rejection, _ := errors.AsType[*event.Rejection](err)
		return Reject(rejection)
	}
	consume(t, bus, got.handle)
	seq := publish(t, bus, checkout, `{"environment":7}`)
	settled(t, bus)
	notices := rejections(t, bus, "rollbackd.rejected.production.shop.checkout")
	require.Len(t, notices, 1)
	require.WithinDuration(t, time.Now(), notices[0].At, time.Minute)
	notices[0].At = time.Time{}
	require.Equal(t, event.Notice{
		Rejection: event.Rejection{
			Code: event.CodeType, Field: "environment", Value: "7", Reason: "7 is a number, not a string", Fix: "give a string",
		},
		Subject: checkout, StreamSeq: seq, Instance: "main",
	}, notices[0])
	require.InDelta(t, 1, testutil.ToFloat64(bus.events.WithLabelValues("rejected", "wrong-type")), 0)

	hostile := "deployments.production.shop.a_b"
	publish(t, bus, hostile, "{}")
	settled(t, bus)
	notices = rejections(t, bus, "rollbackd.rejected.production.shop.invalid")
	require.Len(t, notices, 1)
	require.Equal(t, hostile, notices[0].Subject)
	require.Equal(t, event.CodeSubject, notices[0].Code)
}

func TestRejectionOfLargeEventReachesItsPublisher(t *testing.T) {
	bus := openNew(t, Options{})
	var got inbox
	got.decide = func(delivery Delivery) Disposition {
		_, err := event.Decode(delivery.Subject, delivery.Data)
		rejection, _ := errors.AsType[*event.Rejection](err)
		return Reject(rejection)
	}
	consume(t, bus, got.handle)
	publish(t, bus, checkout, `{"note":"`+string(make([]byte, 900<<10))+`"}`)
	settled(t, bus)
	notices := rejections(t, bus, "rollbackd.rejected.production.shop.checkout")
	require.Len(t, notices, 1)
	require.Equal(t, event.CodeTooLarge, notices[0].Code)
}

func TestRejectTwicePublishesOnce(t *testing.T) {
	bus := openNew(t, Options{})
	target := event.Target{Environment: "production", Namespace: "shop", Workload: "checkout"}
	rejection := &event.Rejection{Code: event.CodeUnknownWorkload, Reason: "no such Deployment"}
	for range 2 {
		require.NoError(t, bus.Reject(t.Context(), target, 42, rejection))
	}
	require.NoError(t, bus.Reject(t.Context(), target, 43, rejection))
	notices := rejections(t, bus, target.RejectedSubject())
	require.Len(t, notices, 2)
	require.Equal(t, uint64(42), notices[0].StreamSeq)
	require.Equal(t, uint64(43), notices[1].StreamSeq)
}

func TestRetryComesAgain(t *testing.T) {
	t.Parallel()
	bus := openNew(t, Options{})
	var got inbox
	got.decide = func(delivery Delivery) Disposition {
		if delivery.Redelivered == 0 {
			return Retry(errors.New("the API server is away"))
		}
		return Accept()
	}
	consume(t, bus, got.handle)
	publish(t, bus, checkout, "{}")
	eventually(t, got.has(2))
	settled(t, bus)
	require.Equal(t, 1, got.all()[1].Redelivered)
	require.InDelta(t, 1, testutil.ToFloat64(bus.events.WithLabelValues("retried", "")), 0)
}

func TestRetryDoesNotHoldOthersUp(t *testing.T) {
	bus := openNew(t, Options{})
	var got inbox
	got.decide = func(delivery Delivery) Disposition {
		if string(delivery.Data) == "stuck" {
			return Retry(errors.New("stuck"))
		}
		return Accept()
	}
	publish(t, bus, checkout, "stuck")
	publish(t, bus, checkout, "fine")
	consume(t, bus, got.handle)
	eventually(t, got.has(2))
	require.Equal(t, "fine", string(got.all()[1].Data))
}

func TestRedeliveryGrows(t *testing.T) {
	for redelivered, want := range map[int]time.Duration{
		0: time.Second, 1: 2 * time.Second, 4: 16 * time.Second, 5: 30 * time.Second, 1000000: 30 * time.Second,
	} {
		require.Equal(t, want, redelivery(redelivered))
	}
}

func TestPanicAndForgottenDispositionKeepTheEvent(t *testing.T) {
	t.Parallel()
	bus := openNew(t, Options{})
	var got inbox
	got.decide = func(delivery Delivery) Disposition {
		switch delivery.Redelivered {
		case 0:
			panic("boom")
		case 1:
			return Disposition{}
		}
		return Accept()
	}
	consume(t, bus, got.handle)
	publish(t, bus, checkout, "{}")
	eventually(t, got.has(3))
	settled(t, bus)
	require.Equal(t, verbRetry, Reject(nil).verb)
}

func TestEventIsHandedOutAgainAfterACrash(t *testing.T) {
	t.Parallel()
	server := startServer(t)
	first := open(t, connect(t, server), Options{AckWait: time.Second})
	seq := publish(t, first, checkout, "{}")
	consumer, err := first.ensure(t.Context())
	require.NoError(t, err)
	batch, err := consumer.Fetch(1, jetstream.FetchMaxWait(patience))
	require.NoError(t, err)
	require.NotNil(t, <-batch.Messages(), "handed out, and never settled")
	first.nc.Close()

	var got inbox
	second := open(t, connect(t, server), Options{AckWait: time.Second})
	consume(t, second, got.handle)
	eventually(t, got.has(1))
	require.Equal(t, seq, got.all()[0].StreamSeq)
	require.Equal(t, 1, got.all()[0].Redelivered)
}

func TestDeletedConsumerIsMadeAgain(t *testing.T) {
	bus := openNew(t, Options{})
	var got inbox
	consume(t, bus, got.handle)
	publish(t, bus, checkout, "one")
	eventually(t, got.has(1))
	settled(t, bus)

	start := time.Now()
	require.NoError(t, bus.js.DeleteConsumer(t.Context(), DeploymentsStream, consumerName("main")))
	publish(t, bus, checkout, "two")
	eventually(t, got.has(3))
	require.Less(t, time.Since(start), 20*time.Second)
	deliveries := got.all()
	require.Equal(t, "one", string(deliveries[1].Data), "the new consumer starts over: nothing is lost")
	require.Equal(t, "two", string(deliveries[2].Data))
	eventually(t, bus.Ready)
}

func TestDeletedStreamIsMadeAgain(t *testing.T) {
	bus := openNew(t, Options{})
	var got inbox
	consume(t, bus, got.handle)
	start := time.Now()
	require.NoError(t, bus.js.DeleteStream(t.Context(), DeploymentsStream))
	eventually(t, func() error {
		_, err := bus.js.Publish(t.Context(), checkout, []byte("{}"))
		return err
	})
	eventually(t, got.has(1))
	require.Less(t, time.Since(start), 20*time.Second)
	eventually(t, bus.Ready)
}

// follower dials the server that runs now, and logs in by its password: one that is started again need not have its port again, which somebody else may
// have taken meanwhile.
type follower struct{ address, password atomic.Value }

func (f *follower) follow(server *Embedded) {
	f.password.Store(server.password)
	f.address.Store(server.Addr().String())
}

func (f *follower) Dial(network, _ string) (net.Conn, error) {
	return net.Dial(network, f.address.Load().(string))
}

func (f *follower) login() (user, password string) { return internalUser, f.password.Load().(string) }

func TestServerRestartLosesNothing(t *testing.T) {
	dir, newest := t.TempDir(), &follower{}
	publisher := User{Name: "ci", Password: "secret", Publish: []Scope{{"production", "shop"}}}
	server := startServerAt(t, dir, "127.0.0.1:0", publisher)
	newest.follow(server)
	nc, err := nats.Connect(server.URL(), append(ConnectOptions(testLog(t)), nats.SetCustomDialer(newest), nats.UserInfoHandler(newest.login))...)
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	bus := open(t, nc, Options{})
	var got inbox
	consume(t, bus, got.handle)
	publish(t, bus, checkout, "before")
	eventually(t, got.has(1))

	server.Shutdown()
	eventually(t, func() error {
		if bus.Ready() == nil {
			return errors.New("still ready")
		}
		return nil
	})
	newest.follow(startServerAt(t, dir, "127.0.0.1:0", publisher))
	eventually(t, func() error {
		_, err := bus.js.Publish(t.Context(), checkout, []byte("after"))
		return err
	})
	eventually(t, func() error {
		all := got.all()
		if last := all[len(all)-1]; string(last.Data) != "after" {
			return fmt.Errorf("the last of %d is %q", len(all), last.Data)
		}
		return nil
	})
	eventually(t, bus.Ready)
}

func TestInstancesGetTheirOwnEnvironments(t *testing.T) {
	server := startServer(t)
	production := open(t, connect(t, server), Options{Instance: "prod", Environments: []string{"production"}})
	staging := open(t, connect(t, server), Options{Instance: "stage", Environments: []string{"staging", "dev"}})
	var ofProduction, ofStaging inbox
	consume(t, production, ofProduction.handle)
	consume(t, staging, ofStaging.handle)
	for _, subject := range []string{checkout, "deployments.staging.shop.a", "deployments.dev.shop.b", "deployments.other.shop.c"} {
		publish(t, production, subject, "{}")
	}
	eventually(t, ofProduction.has(1))
	eventually(t, ofStaging.has(2))
	settled(t, production)
	settled(t, staging)
	require.Len(t, ofProduction.all(), 1)
	require.Len(t, ofStaging.all(), 2)
	require.Equal(t, checkout, ofProduction.all()[0].Subject)
}

func TestOpenMendsAStreamButKeepsItsLimits(t *testing.T) {
	server := startServer(t)
	nc := connect(t, server)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: DeploymentsStream, Subjects: []string{"deployments.production.>"}, MaxBytes: 1 << 20, MaxMsgSize: 100,
	})
	require.NoError(t, err)
	for range 2 {
		open(t, nc, Options{})
	}
	stream, err := js.Stream(t.Context(), DeploymentsStream)
	require.NoError(t, err)
	config := stream.CachedInfo().Config
	require.Contains(t, config.Subjects, "deployments.>")
	require.Equal(t, jetstream.DiscardNew, config.Discard)
	require.Equal(t, deploymentsAge, config.MaxAge)
	require.Equal(t, deploymentsDuplicates, config.Duplicates)
	require.EqualValues(t, deploymentsMessage, config.MaxMsgSize)
	require.EqualValues(t, 1<<20, config.MaxBytes)
}

func TestOpenOfADeadServerEnds(t *testing.T) {
	nc, err := nats.Connect("nats://127.0.0.1:1", ConnectOptions(testLog(t))...)
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	_, err = Open(t.Context(), nc, Options{
		Instance: "main", Environments: []string{"production"}, Timeout: 300 * time.Millisecond,
	})
	require.ErrorContains(t, err, "no answer from NATS in time")
}
