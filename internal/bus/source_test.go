package bus

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/rollbackd/rollbackd/internal/event"
)

func flux() Source { return Source{Name: "flux", Subject: "flux.production"} }

// readSource runs ConsumeSource until the test ends or stop is called.
func readSource(t *testing.T, bus *Bus, source Source, handler Handler) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- bus.ConsumeSource(ctx, source.Name, handler) }()
	stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-done)
	})
	t.Cleanup(stop)
	eventually(t, func() error { return bus.sources[source.Name].get() })
	return stop
}

// sourceSettled waits until the source's consumer has nothing left to hand out or to be told of.
func sourceSettled(t *testing.T, bus *Bus, stream string, source Source) {
	t.Helper()
	eventually(t, func() error {
		consumer, err := bus.js.Consumer(t.Context(), stream, consumerName(bus.options.Instance)+"-"+source.Name)
		if err != nil {
			return err
		}
		info := consumer.CachedInfo()
		if last := streamState(t, bus.js, stream).LastSeq; info.AckFloor.Stream < last || info.NumAckPending > 0 {
			return fmt.Errorf("settled up to %d of %d", info.AckFloor.Stream, last)
		}
		return nil
	})
}

// TestSourceKeepsWhatIsSaidWhileTheDaemonIsAway: Flux publishes without waiting for anybody. What it says is handed out by the
// next run, once, with its headers, and the deployments are left to the other consumer.
func TestSourceKeepsWhatIsSaidWhileTheDaemonIsAway(t *testing.T) {
	server := startServer(t)
	bus := open(t, connect(t, server), Options{Sources: []Source{flux()}})
	var got inbox
	stop := readSource(t, bus, flux(), got.handle)
	plain := connect(t, server)
	require.NoError(t, plain.PublishMsg(&nats.Msg{Subject: "flux.production", Header: nats.Header{"ce-id": {"7"}}, Data: []byte("first")}))
	eventually(t, got.has(1))
	require.Equal(t, map[string][]string{"ce-id": {"7"}}, got.all()[0].Headers)
	sourceSettled(t, bus, "rollbackd-sources-main", flux())
	stop()

	require.NoError(t, plain.Publish("flux.production", []byte("second")))
	publish(t, bus, checkout, "not of the source")
	require.NoError(t, plain.Publish("flux.staging", []byte("of another")))
	require.NoError(t, plain.Flush())
	bus = open(t, connect(t, server), Options{Sources: []Source{flux()}})
	readSource(t, bus, flux(), got.handle)
	eventually(t, got.has(2))
	sourceSettled(t, bus, "rollbackd-sources-main", flux())
	require.Len(t, got.all(), 2)
	require.Equal(t, "second", string(got.all()[1].Data))
}

// TestSourceIsAnswered: what cannot be handled comes again, and what is refused is told on the source's own subject.
func TestSourceIsAnswered(t *testing.T) {
	bus := openNew(t, Options{Sources: []Source{flux()}})
	got := inbox{decide: func(d Delivery) Disposition {
		if d.Redelivered == 0 {
			return Retry(fmt.Errorf("the API server is away"))
		}
		return Reject(&event.Rejection{Code: event.CodeUnauthorised, Reason: "not trusted"})
	}}
	readSource(t, bus, flux(), got.handle)
	seq := publish(t, bus, "flux.production", "{}")
	eventually(t, got.has(2))
	sourceSettled(t, bus, "rollbackd-sources-main", flux())
	notices := rejections(t, bus, "rollbackd.rejected.source.flux")
	require.Len(t, notices, 1)
	notices[0].At = time.Time{}
	require.Equal(t, event.Notice{
		Rejection: event.Rejection{Code: event.CodeUnauthorised, Reason: "not trusted"}, Subject: "flux.production", StreamSeq: seq, Instance: "main", Source: "flux",
	}, notices[0])
	require.EqualError(t, bus.ConsumeSource(t.Context(), "other", got.handle), `there is no source "other"`)
}

// TestSourceOfAnExistingStream: a subject that a stream captures already is consumed from there, from a day back on, and that stream
// is left as it is.
func TestSourceOfAnExistingStream(t *testing.T) {
	server := startServer(t)
	js, err := jetstream.New(connect(t, server))
	require.NoError(t, err)
	config := jetstream.StreamConfig{Name: "FLUX", Subjects: []string{"flux.>"}, Retention: jetstream.InterestPolicy, MaxAge: time.Hour}
	_, err = js.CreateStream(t.Context(), config)
	require.NoError(t, err)

	requireUnready(t, server, flux(), "the stream FLUX captures the subject flux.production of source flux already; name it as the stream of that source")

	there := flux()
	there.Stream = "FLUX"
	bus := open(t, connect(t, server), Options{Sources: []Source{there}})
	var got inbox
	stop := readSource(t, bus, there, got.handle)
	publish(t, bus, "flux.production", "x")
	eventually(t, got.has(1))
	stop()
	bus = open(t, connect(t, server), Options{Sources: []Source{there}}) // where it began is left as it was
	readSource(t, bus, there, got.handle)
	publish(t, bus, "flux.production", "y")
	eventually(t, got.has(2))
	stream, err := js.Stream(t.Context(), "FLUX")
	require.NoError(t, err)
	require.Equal(t, config.Subjects, stream.CachedInfo().Config.Subjects)
	require.Equal(t, config.MaxAge, stream.CachedInfo().Config.MaxAge)
	_, err = js.Stream(t.Context(), "rollbackd-sources-main")
	require.ErrorIs(t, err, jetstream.ErrStreamNotFound)
}

func TestSourcesThatCannotBe(t *testing.T) {
	server := startServer(t)
	js, err := jetstream.New(connect(t, server))
	require.NoError(t, err)
	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "WORK", Subjects: []string{"work.>"}, Retention: jetstream.WorkQueuePolicy})
	require.NoError(t, err)
	for problem, source := range map[string]Source{
		"source a: events do not arrive: unable to consume source a of stream ABSENT: there is no such stream": {Name: "a", Subject: "flux.production", Stream: "ABSENT"},
		"it is a work queue":   {Name: "b", Subject: "work.x", Stream: "WORK"},
		"DEPLOYMENTS captures": {Name: "d", Subject: "deployments.x"},
	} {
		requireUnready(t, server, source, problem)
	}
}

// requireUnready runs a bus with a source that cannot be. It says why, and goes on with the deployments.
func requireUnready(t *testing.T, server *Embedded, source Source, why string) {
	t.Helper()
	log := testLog(t).WithOptions(zap.IncreaseLevel(zap.FatalLevel))
	bus := open(t, connect(t, server), Options{Sources: []Source{source}, Log: log})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	var got inbox
	running.Go(func() { _ = bus.Consume(ctx, got.handle) })
	running.Go(func() { _ = bus.ConsumeSource(ctx, source.Name, got.handle) })
	eventually(t, func() error {
		if err := bus.Ready(); err == nil || !strings.Contains(err.Error(), why) {
			return fmt.Errorf("it says %w", err)
		}
		return nil
	})
	publish(t, bus, checkout, "x")
	eventually(t, got.has(1))
}

// TestSourcesFollowTheConfiguration, and come back when somebody deletes their stream.
func TestSourcesFollowTheConfiguration(t *testing.T) {
	server := startServer(t)
	ci := Source{Name: "ci", Subject: "ci.*.deployed"}
	open(t, connect(t, server), Options{Sources: []Source{flux()}})
	core, logs := observer.New(zap.WarnLevel)
	bus := open(t, connect(t, server), Options{Sources: []Source{flux(), ci}, Log: zap.New(core)})
	var got inbox
	readSource(t, bus, ci, got.handle)
	publish(t, bus, "ci.shop.deployed", "x")
	eventually(t, got.has(1))

	// By the log, since it may be mended before anybody looks at its health.
	lost := func() int {
		return logs.FilterMessage("lost the consumer; binding it again").FilterField(zap.String("source", "ci")).Len()
	}
	before := lost()
	require.NoError(t, bus.js.DeleteStream(t.Context(), "rollbackd-sources-main"))
	eventually(t, func() error {
		if lost() == before {
			return fmt.Errorf("it is not noticed")
		}
		return nil
	})
	eventually(t, func() error { return bus.sources["ci"].get() })
	publish(t, bus, "ci.shop.deployed", "y")
	eventually(t, got.has(2))
}

// TestSourcesOfTheEmbeddedServersUsers: a user may publish on the subjects of its sources, and on nothing else.
func TestSourcesOfTheEmbeddedServersUsers(t *testing.T) {
	server := startServer(t, User{Name: "flux", Password: "secret", Sources: []Source{flux()}})
	open(t, connect(t, server), Options{Sources: []Source{flux()}})
	nc, err := nats.Connect(server.URL(), nats.Timeout(patience), nats.UserInfo("flux", "secret"), nats.CustomInboxPrefix(event.InboxPrefix("flux")))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	answer, err := nc.Request("flux.production", []byte("{}"), patience)
	require.NoError(t, err)
	require.Contains(t, string(answer.Data), "rollbackd-sources-main")
	_, err = nc.SubscribeSync("rollbackd.rejected.source.flux")
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	require.NoError(t, nc.LastError())
	require.NoError(t, nc.Publish("flux.staging", nil))
	require.NoError(t, nc.Flush())
	eventually(t, func() error {
		if nc.LastError() == nil {
			return fmt.Errorf("it may publish elsewhere")
		}
		return nil
	})
}
