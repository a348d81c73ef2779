package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/internal/event"
)

// Source is a subject beside those of the workloads on which others tell of deployments.
type Source struct {
	// Name is a label by RFC 1123: the consumer and the subject of rejections carry it.
	Name string
	// Subject is what the others publish on; it may hold wildcards.
	Subject string
	// Stream is a stream that captures the subject already; empty to have this instance's own stream do it, so that nothing is
	// lost while the daemon is away.
	Stream string
}

const (
	// sourcesAge is how long this instance's own stream keeps what sources said.
	sourcesAge   = 7 * 24 * time.Hour
	sourcesBytes = 32 << 20
	// sourceStart is how far back a consumer begins that is made: what was said before could not be watched any more, and the
	// stream of others may hold years of it.
	sourceStart = 24 * time.Hour
	// subjectOverlap is the server's code (JSStreamSubjectOverlapErr) for a stream whose subjects another has.
	subjectOverlap jetstream.ErrorCode = 10065
)

// ConsumeSource hands the messages of a source to the handler, with the same promises as Consume.
func (b *Bus) ConsumeSource(ctx context.Context, name string, handler Handler) error {
	i := slices.IndexFunc(b.options.Sources, func(s Source) bool { return s.Name == name })
	if i < 0 {
		return fmt.Errorf("there is no source %q", name)
	}
	source := b.options.Sources[i]
	return reader{
		Bus: b, source: name, health: b.sources[name],
		bind:     func(ctx context.Context) (jetstream.Consumer, error) { return b.bindSource(ctx, source) },
		rejected: func(string) string { return event.RejectedSourceSubject(name) },
	}.consume(ctx, handler)
}

// openSources has what every source says kept, from before the first event is handed out. One that cannot be is no reason not to
// watch what is announced otherwise: it is tried again for as long as it takes, and Ready says why.
func (b *Bus) openSources(ctx context.Context) {
	b.sources = map[string]*health{}
	for _, s := range b.options.Sources {
		b.sources[s.Name] = &health{err: errNotConsuming}
		if _, err := b.bindSource(ctx, s); err != nil {
			b.log.Error("what a source says does not arrive", zap.String("source", s.Name), zap.Error(err))
		}
	}
}

// ownSubjects are those that this instance's own stream captures.
func (b *Bus) ownSubjects() []string {
	var out []string
	for _, s := range b.options.Sources {
		if s.Stream == "" {
			out = append(out, s.Subject)
		}
	}
	slices.Sort(out)
	return out
}

// ensureSources makes this instance's own stream of sources, or has it capture what is configured now.
func (b *Bus) ensureSources(ctx context.Context) error {
	want := jetstream.StreamConfig{
		Name: sourcesStream(b.options.Instance), Description: "what sources told of deployments", Subjects: b.ownSubjects(),
		Discard: jetstream.DiscardOld, MaxAge: sourcesAge, MaxBytes: sourcesBytes, MaxMsgSize: deploymentsMessage,
		Duplicates: deploymentsDuplicates, Replicas: b.options.Replicas,
	}
	stream, err := b.js.Stream(ctx, want.Name)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		_, err = b.js.CreateStream(ctx, want)
	case err == nil:
		have := stream.CachedInfo().Config
		if slices.Equal(slices.Sorted(slices.Values(have.Subjects)), want.Subjects) {
			return nil
		}
		have.Subjects = want.Subjects
		_, err = b.js.UpdateStream(ctx, have)
	}
	return b.explainOverlap(ctx, err)
}

// explainOverlap says which stream has the subject of a source already, and what to do about that.
func (b *Bus) explainOverlap(ctx context.Context, err error) error {
	api, ok := errors.AsType[jetstream.JetStreamError](err)
	if !ok || api.APIError() == nil || api.APIError().ErrorCode != subjectOverlap {
		return err
	}
	for _, s := range b.options.Sources {
		other, found := b.js.StreamNameBySubject(ctx, s.Subject)
		if s.Stream == "" && found == nil && other != sourcesStream(b.options.Instance) {
			return fmt.Errorf("the stream %s captures the subject %s of source %s already; name it as the stream of that source: %w", other, s.Subject, s.Name, err)
		}
	}
	return err
}

// bindSource makes sure that the stream and the consumer of a source are there.
func (b *Bus) bindSource(ctx context.Context, s Source) (jetstream.Consumer, error) {
	stream := s.Stream
	if stream == "" {
		stream = sourcesStream(b.options.Instance)
		if err := b.calls.retry(ctx, b.ensureSources); err != nil {
			return nil, fmt.Errorf("unable to prepare stream %s: %w", stream, err)
		}
	}
	var consumer jetstream.Consumer
	err := b.calls.retry(ctx, func(ctx context.Context) (err error) {
		consumer, err = b.sourceConsumer(ctx, stream, s)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("unable to consume source %s of stream %s: %w", s.Name, stream, err)
	}
	return consumer, nil
}

func (b *Bus) sourceConsumer(ctx context.Context, name string, s Source) (jetstream.Consumer, error) {
	stream, err := b.js.Stream(ctx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, fmt.Errorf("there is no such stream; create it, or leave stream out of the source to have one made: %w", err)
	}
	if err != nil {
		return nil, err
	}
	if stream.CachedInfo().Config.Retention == jetstream.WorkQueuePolicy {
		return nil, errors.New("it is a work queue, from which rollbackd would take what is meant for others; let a stream with limits mirror or source it")
	}
	start := time.Now().Add(-sourceStart)
	want := jetstream.ConsumerConfig{
		Durable: consumerName(b.options.Instance) + "-" + s.Name, FilterSubject: s.Subject,
		DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &start, AckPolicy: jetstream.AckExplicitPolicy,
		AckWait: b.options.AckWait, MaxDeliver: -1, MaxAckPending: 1000,
	}
	existing, err := stream.Consumer(ctx, want.Durable)
	switch {
	case err == nil: // where it began cannot be changed
		have := existing.CachedInfo().Config
		want.DeliverPolicy, want.OptStartTime, want.OptStartSeq = have.DeliverPolicy, have.OptStartTime, have.OptStartSeq
	case !errors.Is(err, jetstream.ErrConsumerNotFound):
		return nil, err
	}
	return stream.CreateOrUpdateConsumer(ctx, want)
}
