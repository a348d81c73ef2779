package bus

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollbackd/rollbackd/internal/event"
)

// The streams that all instances share.
const (
	DeploymentsStream = "DEPLOYMENTS"
	RejectedStream    = "REJECTED"
)

const (
	// deploymentsAge is how long events are kept. A consumer that had to be made again reads all of them again, so
	// watches are remembered for longer: watchesAge after their last change.
	deploymentsAge = 30 * 24 * time.Hour
	watchesAge     = 2 * deploymentsAge
	rejectedAge    = 7 * 24 * time.Hour

	deploymentsBytes = 256 << 20
	// deploymentsMessage is well above what is accepted, so that a publisher of a little too much is told the reason.
	deploymentsMessage = 1 << 20
	rejectedBytes      = 64 << 20

	// deploymentsDuplicates is as short as the server allows: the window is of the whole stream, so with a long one a
	// publisher could suppress another's event by guessing its message ID.
	deploymentsDuplicates = 100 * time.Millisecond
	// rejectedDuplicates outlasts the redelivery of an event that was rejected, but not settled.
	rejectedDuplicates = 10 * time.Minute
)

func journalStream(instance string) string     { return "rollbackd-journal-" + instance }
func journalSubject(instance string) string    { return "rollbackd.journal." + instance }
func annexSubject(instance string) string      { return "rollbackd.annex." + instance }
func watchesBucket(instance string) string     { return "rollbackd-watches-" + instance }
func namesBucket(instance string) string       { return "rollbackd-names-" + instance }
func holdsBucket(instance string) string       { return "rollbackd-holds-" + instance }
func ledgerBucket(instance string) string      { return "rollbackd-ledger-" + instance }
func postmortemsBucket(instance string) string { return "rollbackd-postmortems-" + instance }
func consumerName(instance string) string      { return "rollbackd-" + instance }
func sourcesStream(instance string) string     { return "rollbackd-sources-" + instance }

// ensure makes what is missing and mends what would lose events. It is repeated whenever the consumer is lost,
// because its stream may be, too.
func (b *Bus) ensure(ctx context.Context) (jetstream.Consumer, error) {
	for _, s := range b.stores() {
		if err := b.calls.retry(ctx, s.make); err != nil {
			return nil, fmt.Errorf("unable to prepare stream %s: %w", s.name, err)
		}
	}
	var consumer jetstream.Consumer
	err := b.calls.retry(ctx, func(ctx context.Context) (err error) {
		consumer, err = b.js.CreateOrUpdateConsumer(ctx, DeploymentsStream, b.consumer())
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("unable to prepare consumer %s: %w", consumerName(b.options.Instance), err)
	}
	return consumer, nil
}

func (b *Bus) streams() []jetstream.StreamConfig {
	instance := b.options.Instance
	return []jetstream.StreamConfig{
		{
			Name: DeploymentsStream, Description: "what deploy tools announced",
			Subjects: []string{event.SubjectPrefix + ".>"}, Discard: jetstream.DiscardNew,
			MaxAge: deploymentsAge, MaxBytes: deploymentsBytes, MaxMsgSize: deploymentsMessage,
			Duplicates: deploymentsDuplicates, Replicas: b.options.Replicas,
		},
		{
			Name: RejectedStream, Description: "announcements that were refused, and why",
			Subjects: []string{event.RejectedSubjectPrefix + ".>"}, Discard: jetstream.DiscardOld,
			MaxAge: rejectedAge, MaxBytes: rejectedBytes, MaxMsgSize: -1,
			Duplicates: rejectedDuplicates, Replicas: b.options.Replicas,
		},
		{
			Name: journalStream(instance), Description: "everything rollbackd saw and did, one subject a watch",
			Subjects: []string{journalSubject(instance) + ".>", annexSubject(instance) + ".>"}, Discard: jetstream.DiscardNew,
			MaxBytes: -1, MaxMsgSize: -1, Duplicates: deploymentsDuplicates, Compression: jetstream.S2Compression,
			Replicas: b.options.Replicas, AllowAtomicPublish: b.options.Grouped,
		},
	}
}

func (b *Bus) buckets() []jetstream.KeyValueConfig {
	instance := b.options.Instance
	return []jetstream.KeyValueConfig{
		{Bucket: watchesBucket(instance), History: 1, TTL: watchesAge, Replicas: b.options.Replicas},
		{Bucket: namesBucket(instance), History: 1, Replicas: b.options.Replicas},
		{Bucket: holdsBucket(instance), History: 1, TTL: watchesAge, Replicas: b.options.Replicas},
		{Bucket: postmortemsBucket(instance), Description: "which incident's review has which number", History: 1, Replicas: b.options.Replicas},
		{Bucket: ledgerBucket(instance), Description: "what became of each deployment, for lists and reports", History: 1, TTL: ledgerAge, Replicas: b.options.Replicas},
		{Bucket: outboxBucket(instance), History: 1, TTL: outboxAge, Replicas: b.options.Replicas},
		{Bucket: toldBucket(instance), History: 1, TTL: toldAge, Replicas: b.options.Replicas},
		{Bucket: memoryBucket(instance), History: 1, TTL: memoryAge, Replicas: b.options.Replicas},
	}
}

func (b *Bus) consumer() jetstream.ConsumerConfig {
	filters := make([]string, len(b.options.Environments))
	for i, environment := range b.options.Environments {
		filters[i] = event.SubjectPrefix + "." + environment + ".>"
	}
	return jetstream.ConsumerConfig{
		Durable: consumerName(b.options.Instance), FilterSubjects: filters,
		DeliverPolicy: jetstream.DeliverAllPolicy, AckPolicy: jetstream.AckExplicitPolicy,
		AckWait: b.options.AckWait, MaxDeliver: -1, MaxAckPending: 1000,
	}
}

// ensureStream leaves limits, replicas and placement of a stream that exists as its administrator set them.
func (b *Bus) ensureStream(ctx context.Context, want jetstream.StreamConfig) error {
	stream, err := b.js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		_, err = b.js.CreateStream(ctx, want)
		if !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			return err
		}
		stream, err = b.js.Stream(ctx, want.Name)
	}
	if err != nil {
		return err
	}
	have := stream.CachedInfo().Config
	if have.Retention != jetstream.LimitsPolicy {
		return fmt.Errorf("it exists with retention %s, but must have limits", have.Retention)
	}
	if mended := mend(have, want); !reflect.DeepEqual(have, mended) {
		_, err = b.js.UpdateStream(ctx, mended)
	}
	return err
}

// mend changes what would lose events, drop them unseen or outlive the memory of watches.
func mend(have, want jetstream.StreamConfig) jetstream.StreamConfig {
	have.Subjects = covering(have.Subjects, want.Subjects[0])
	if want.MaxAge > 0 && (have.MaxAge == 0 || have.MaxAge > want.MaxAge) {
		have.MaxAge = want.MaxAge
	}
	have.Discard, have.MaxMsgSize, have.Duplicates = want.Discard, want.MaxMsgSize, want.Duplicates
	have.AllowAtomicPublish = have.AllowAtomicPublish || want.AllowAtomicPublish
	return have
}

// covering adds the subject, which ends in ">", in place of those that it covers: a stream's must not overlap.
func covering(subjects []string, wanted string) []string {
	if slices.Contains(subjects, wanted) {
		return subjects
	}
	prefix := strings.TrimSuffix(wanted, ">")
	others := slices.DeleteFunc(slices.Clone(subjects), func(s string) bool { return strings.HasPrefix(s, prefix) })
	return append(others, wanted)
}

func (b *Bus) ensureBucket(ctx context.Context, want jetstream.KeyValueConfig) error {
	_, err := b.js.KeyValue(ctx, want.Bucket)
	if !errors.Is(err, jetstream.ErrBucketNotFound) {
		return err
	}
	_, err = b.js.CreateKeyValue(ctx, want)
	if errors.Is(err, jetstream.ErrBucketExists) {
		return nil
	}
	return err
}
