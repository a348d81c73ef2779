// Package bus is rollbackd's side of NATS: the streams, the durable consumer that events arrive by, the stores that
// watches and journals are kept in, and the server that runs inside the daemon if no other is given.
package bus

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/internal/event"
)

// The defaults of Options.
const (
	DefaultTimeout = 5 * time.Second
	DefaultAckWait = 15 * time.Second
)

// Options say whose bus it is.
type Options struct {
	// Instance tells daemons that share a NATS apart: 1 to 40 of a-z, 0-9 and '-'. The consumer, the buckets and the
	// journal carry it.
	Instance string
	// Environments are those whose events this instance handles; at least one.
	Environments []string
	// Sources are the subjects on which others tell of deployments.
	Sources []Source
	// Log is nil to log nothing.
	Log *zap.Logger
	// Registerer gets the metrics; nil registers none.
	Registerer prometheus.Registerer
	// Timeout bounds every call on NATS, retries included. Zero means DefaultTimeout.
	Timeout time.Duration
	// AckWait is after how long an event that was handed out, but not settled, is handed out again; handlers get
	// three quarters of it. Zero means DefaultAckWait.
	AckWait time.Duration
	// Replicas is how many servers of a cluster keep each stream that is made; streams that exist keep theirs. Zero
	// means 1.
	Replicas int
	// Grouped has the entries of journals that are appended at about the same time stored as one. It is for a server that syncs each
	// message, and that takes atomic batches: NATS does from 2.12 on.
	Grouped bool
}

// Bus is a daemon's connection to its streams. Its methods may be called concurrently.
type Bus struct {
	nc      *nats.Conn
	js      jetstream.JetStream
	options Options
	log     *zap.Logger
	events  *prometheus.CounterVec
	backlog *backlog
	// health is why events do not arrive, missing why what is to be stored cannot be.
	health, missing health
	// control is why people are not heard, and controlAgain how often it is tried again then.
	control      health
	controlAgain time.Duration
	// sources are why nothing arrives from each source.
	sources map[string]*health
	calls   calls

	watches *Watches
	journal *Journal
	names   *Names
	holds   *Holds
	ledger  *Ledger
	outbox  *Outbox
	memory  *Memory
	numbers *Numbers
}

// Open makes sure that the streams, the buckets and the consumer exist, and returns a bus on them. It does not own
// the connection, which should be made with ConnectOptions.
func Open(ctx context.Context, nc *nats.Conn, options Options) (*Bus, error) {
	b, err := unopened(nc, options)
	if err != nil {
		return nil, err
	}
	if b.events, err = eventCounter(b.options.Registerer); err != nil {
		return nil, err
	}
	if b.backlog, err = newBacklog(b.options.Registerer); err != nil {
		return nil, err
	}
	b.controlAgain = controlAgain
	b.health.set(errNotConsuming)
	if _, err := b.ensure(ctx); err != nil {
		return nil, err
	}
	b.openSources(ctx)
	return b, b.openStores(ctx)
}

// unopened is a bus that has looked at its options, and at nothing on the server.
func unopened(nc *nats.Conn, options Options) (*Bus, error) {
	if err := options.check(); err != nil {
		return nil, err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("unable to use JetStream: %w", err)
	}
	options = options.withDefaults()
	return &Bus{nc: nc, js: js, options: options, log: options.Log.Named("bus"), calls: newCalls(options.Timeout)}, nil
}

func (o Options) check() error {
	if !regexp.MustCompile(`^[a-z0-9-]{1,40}$`).MatchString(o.Instance) {
		return fmt.Errorf("instance %q must be 1 to 40 of a-z, 0-9 and '-'", o.Instance)
	}
	if len(o.Environments) == 0 {
		return errors.New("no environments are configured")
	}
	for i, environment := range o.Environments {
		if !event.IsName(environment) {
			return fmt.Errorf("environment %q is not an RFC 1123 label", environment)
		}
		if slices.Contains(o.Environments[:i], environment) {
			return fmt.Errorf("environment %q is configured twice", environment)
		}
	}
	return nil
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.AckWait <= 0 {
		o.AckWait = DefaultAckWait
	}
	o.Replicas = max(o.Replicas, 1)
	return o
}

// openStores binds the stores. What they are bound to by name outlives a bucket that is deleted and made again.
func (b *Bus) openStores(ctx context.Context) error {
	watches, err := b.bucket(ctx, watchesBucket(b.options.Instance))
	if err != nil {
		return err
	}
	names, err := b.bucket(ctx, namesBucket(b.options.Instance))
	if err != nil {
		return err
	}
	holds, err := b.bucket(ctx, holdsBucket(b.options.Instance))
	if err != nil {
		return err
	}
	ledger, err := b.bucket(ctx, ledgerBucket(b.options.Instance))
	if err != nil {
		return err
	}
	numbers, err := b.bucket(ctx, postmortemsBucket(b.options.Instance))
	if err != nil {
		return err
	}
	b.numbers = &Numbers{js: b.js, bucket: numbers, name: postmortemsBucket(b.options.Instance), calls: b.calls}
	b.ledger = &Ledger{js: b.js, bucket: ledger, name: ledgerBucket(b.options.Instance), calls: b.calls}
	b.holds = &Holds{bucket: holds, calls: b.calls}
	b.watches = &Watches{bucket: watches, calls: b.calls}
	b.names = &Names{bucket: names, calls: b.calls}
	b.journal = &Journal{js: b.js, instance: b.options.Instance, calls: b.calls, group: &group{nc: b.nc, js: b.js, calls: b.calls}}
	if b.options.Grouped {
		b.journal.group.stream = journalStream(b.options.Instance)
	}
	return b.openOutbox(ctx)
}

func (b *Bus) bucket(ctx context.Context, name string) (jetstream.KeyValue, error) {
	var bucket jetstream.KeyValue
	err := b.calls.retry(ctx, func(ctx context.Context) (err error) {
		bucket, err = b.js.KeyValue(ctx, name)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("unable to open bucket %s: %w", name, err)
	}
	return bucket, nil
}

// Watches is the store of this instance's watches.
func (b *Bus) Watches() *Watches { return b.watches }

// Journal is the store of this instance's journals.
func (b *Bus) Journal() *Journal { return b.journal }

// Holds is the store of the workloads that people hold.
func (b *Bus) Holds() *Holds { return b.holds }

// Ledger is what is kept for years of this instance's watches.
func (b *Bus) Ledger() *Ledger { return b.ledger }

// Numbers are those of this instance's reviews of incidents.
func (b *Bus) Numbers() *Numbers { return b.numbers }

// Names is the store of the names that this instance gave away.
func (b *Bus) Names() *Names { return b.names }
