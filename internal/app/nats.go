package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/internal/bus"
	"github.com/rollbackd/rollbackd/internal/config"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/filewatch"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// connectNATS connects to the configured server, which need not be there yet, or starts the embedded one. The returned function lets go of both. With each configuration that holds, users has the
// embedded server let in those whom it names; a server of the user's own knows its users itself.
func connectNATS(ctx context.Context, whole *config.Config, log *zap.Logger) (nc *nats.Conn, users func(*config.Config), disconnect func(), err error) {
	cfg := whole.NATS
	options := bus.ConnectOptions(log.Named("nats"))
	if cfg.URL != "" {
		credentials := cfg.Credentials()
		nc, err := credentials.Connect(cfg.URL, options...)
		if err != nil {
			return nil, nil, nil, fmt.Errorf("nats: %w", err)
		}
		keeping, stop := context.WithCancel(ctx)
		var kept sync.WaitGroup
		kept.Go(func() { credentials.KeepCurrent(keeping, nc, filewatch.Every, log.Named("nats")) })
		return nc, func(*config.Config) {}, func() { stop(); kept.Wait(); nc.Close() }, nil
	}
	known := filewatch.Sum(passwordFiles(whole))
	embedded, err := startNATS(whole, log)
	if err != nil {
		return nil, nil, nil, err
	}
	if nc, err = embedded.Connect(options...); err != nil {
		embedded.Shutdown()
		return nil, nil, nil, fmt.Errorf("connect to the embedded NATS: %w", err)
	}
	log.Info("publishers connect to the embedded NATS", zap.String("nats", embedded.URL()))
	keeper := newNATSUsers(embedded, whole, known, log.Named("nats"))
	keeping, stop := context.WithCancel(ctx)
	var kept sync.WaitGroup
	kept.Go(func() { keeper.run(keeping) })
	return nc, keeper.follow, func() { stop(); kept.Wait(); nc.Close(); embedded.Shutdown() }, nil
}

// awaitConnection waits, calmly and for as long as it takes, for a server that is not there yet.
func awaitConnection(ctx context.Context, nc *nats.Conn, log *zap.Logger) error {
	for !nc.IsConnected() {
		log.Info("waiting for NATS", zap.Error(nc.LastError())) // refused credentials look like patience otherwise
		select {
		case <-nc.StatusChanged(nats.CONNECTED):
		case <-time.After(probeTimeout):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func startNATS(whole *config.Config, log *zap.Logger) (*bus.Embedded, error) {
	cfg := whole.NATS.Embedded
	users, err := embeddedUsers(whole)
	if err != nil {
		return nil, err
	}
	return bus.StartEmbedded(bus.EmbeddedOptions{DataDir: cfg.DataDir, Listen: cfg.Listen, Users: users, Log: log.Named("nats")})
}

// sources are the sources in the form in which they are consumed, sourcesOf those on whose subjects a user may publish.
func sources(configured []config.Source) (out []bus.Source) {
	for _, s := range configured {
		out = append(out, bus.Source{Name: s.Name, Subject: s.Subject, Stream: s.Stream})
	}
	return out
}

func sourcesOf(configured []config.Source, u config.User) []bus.Source {
	return slices.DeleteFunc(sources(configured), func(s bus.Source) bool { return !slices.Contains(u.Sources, s.Name) })
}

// roomFor adds what to do to the server's error when the streams do not fit on the disk, or have too few servers to be kept on.
func roomFor(err error, cfg config.NATS) error {
	var api *jetstream.APIError
	if !errors.As(err, &api) {
		return err
	}
	switch {
	case cfg.URL == "" && api.ErrorCode == insufficientStorage:
		return fmt.Errorf("%w; nats.embedded.dataDir (%s) needs about 400 MB of free space", err, cfg.Embedded.DataDir)
	case cfg.URL != "" && cfg.Replicas > 1 && (api.ErrorCode == noCluster || api.ErrorCode == tooFewServers):
		return fmt.Errorf("%w; nats.replicas is %d, which takes a cluster of that many servers with JetStream", err, cfg.Replicas)
	}
	return err
}

// The server's codes for streams larger than the room that is left (JSStorageResourcesExceededErr), for more than one replica without a cluster
// (JSStreamReplicasNotSupportedErr), and for more of them than a cluster has fitting servers (JSClusterNoPeersErrF).
const (
	insufficientStorage jetstream.ErrorCode = 10047
	noCluster           jetstream.ErrorCode = 10074
	tooFewServers       jetstream.ErrorCode = 10005
)

// intake hands deliveries to the supervisor and turns its answers into dispositions.
func intake(s *watch.Supervisor) bus.Handler { return handler(s.Accept) }

// intakeFrom does the same for what a source says.
func intakeFrom(s *watch.Supervisor, from watch.Source) bus.Handler {
	return handler(func(ctx context.Context, m watch.Published) error { return s.AcceptFrom(ctx, from, m) })
}

func handler(accept func(context.Context, watch.Published) error) bus.Handler {
	return func(ctx context.Context, d bus.Delivery) bus.Disposition {
		document, rejection := event.Structured(d.Headers, d.Data)
		if rejection != nil {
			return bus.Reject(rejection)
		}
		return disposition(accept(ctx, watch.Published{Subject: d.Subject, Data: document, Seq: d.StreamSeq}))
	}
}

// disposition is what becomes of an event by the supervisor's answer.
func disposition(err error) bus.Disposition {
	var rejection *event.Rejection
	switch {
	case err == nil:
		return bus.Accept()
	case !errors.As(err, &rejection):
		return bus.Retry(err)
	case rejection.Code == event.CodeNotADeployment:
		return bus.Ignore(rejection)
	}
	return bus.Reject(rejection)
}

// store keeps watches in the KV bucket. The journal fences writers, so that the last picture of a watch is the right
// one and Put need not compare.
type store struct{ watches *bus.Watches }

func (s store) Create(ctx context.Context, key string, value []byte) error {
	_, err := s.watches.Create(ctx, key, value)
	if errors.Is(err, bus.ErrExists) {
		return watch.ErrExists
	}
	return err
}

func (s store) Get(ctx context.Context, key string) ([]byte, error) {
	value, _, err := s.watches.Get(ctx, key)
	return value, err
}

func (s store) Put(ctx context.Context, key string, value []byte) error {
	_, revision, err := s.watches.Get(ctx, key)
	if errors.Is(err, bus.ErrNotFound) { // the bucket was deleted, and made again empty
		_, err = s.watches.Create(ctx, key, value)
		return err
	}
	if err != nil {
		return err
	}
	_, err = s.watches.Update(ctx, key, value, revision)
	return err
}

func (s store) All(ctx context.Context, fn func(key string, value []byte) error) error {
	return s.watches.All(ctx, func(key string, value []byte, _ uint64) error { return fn(key, value) })
}

// journal keeps entries in the journal stream.
type journal struct{ *bus.Journal }

func (j journal) Append(ctx context.Context, key, id string, data []byte, last uint64) (uint64, error) {
	seq, err := j.Journal.Append(ctx, key, id, data, last)
	if errors.Is(err, bus.ErrFenced) {
		return 0, watch.ErrFenced
	}
	if errors.Is(err, nats.ErrMaxPayload) {
		return 0, fmt.Errorf("%w: %d bytes", watch.ErrTooLarge, len(data))
	}
	return seq, err
}
