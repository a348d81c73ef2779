package notifier

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// The defaults of Options.
const (
	DefaultQueue    = 256
	DefaultDeadline = 10 * time.Second
	DefaultAttempts = 5
	DefaultBackoff  = time.Second
	DefaultGrace    = 5 * time.Second
)

// maxBackoff caps the pause between two attempts, which doubles each time.
const maxBackoff = time.Minute

// Options configures a Dispatcher. The zero value of every number means its default.
type Options struct {
	// Sinks each get every notice; their names must differ.
	Sinks []Sink
	// Logger gets what could not be told; nil discards it.
	Logger *zap.Logger
	// Registerer gets rollbackd_notifications_total; nil leaves it unregistered.
	Registerer prometheus.Registerer
	// Queue is how many notices may wait for each sink; more are dropped.
	Queue int
	// Deadline bounds one attempt.
	Deadline time.Duration
	// Attempts is how often a notice is tried; Backoff is the pause after the first failure.
	Attempts int
	Backoff  time.Duration
	// Grace is how long, after Run's context is done, queued notices may still be delivered: the last thing that
	// a daemon says before it stops is often what somebody needs to know.
	Grace time.Duration
}

// Dispatcher hands notices to its sinks, each through a queue and a goroutine of its own, so that a sink that hangs
// delays neither the caller nor another sink.
type Dispatcher struct {
	opts    Options
	lanes   []*lane
	metrics metrics
}

// lane is one sink with its queue.
type lane struct {
	sink  Sink
	queue chan Notice
}

// New returns a Dispatcher; it delivers once Run is called, and queues until then.
func New(opts Options) (*Dispatcher, error) {
	opts = opts.withDefaults()
	d := &Dispatcher{opts: opts, metrics: newMetrics()}
	seen := map[string]bool{}
	for _, s := range opts.Sinks {
		if seen[s.Name()] {
			return nil, fmt.Errorf("two sinks are named %q", s.Name())
		}
		seen[s.Name()] = true
		d.metrics.start(s.Name())
		d.lanes = append(d.lanes, &lane{sink: s, queue: make(chan Notice, opts.Queue)})
	}
	if opts.Registerer != nil {
		if err := opts.Registerer.Register(d.metrics.total); err != nil {
			return nil, fmt.Errorf("registering the notification metrics: %w", err)
		}
	}
	return d, nil
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	o.Queue = positive(o.Queue, DefaultQueue)
	o.Attempts = positive(o.Attempts, DefaultAttempts)
	o.Deadline = positive(o.Deadline, DefaultDeadline)
	o.Backoff = positive(o.Backoff, DefaultBackoff)
	o.Grace = positive(o.Grace, DefaultGrace)
	return o
}

func positive[T int | time.Duration](v, fallback T) T {
	if v > 0 {
		return v
	}
	return fallback
}

// Send queues n for every sink and returns at once. Where a queue is full, n is dropped for that sink, logged and
// counted.
func (d *Dispatcher) Send(n Notice) {
	for _, l := range d.lanes {
		select {
		case l.queue <- n:
		default:
			d.drop(l, n, "the queue is full")
		}
	}
}

// Run delivers until ctx is done, then for at most Options.Grace what is still queued. It always returns nil.
func (d *Dispatcher) Run(ctx context.Context) error {
	// Deliveries outlive ctx by the grace period, so they run under a context of their own.
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(d.opts.Grace, cancel) })
	defer stop()
	var wg sync.WaitGroup
	for _, l := range d.lanes {
		wg.Go(func() { d.serve(ctx, work, l) })
	}
	wg.Wait()
	return nil
}

// serve delivers from one queue until ctx is done, then empties it while work lasts.
func (d *Dispatcher) serve(ctx, work context.Context, l *lane) {
	for {
		select {
		case n := <-l.queue:
			d.deliver(work, l, n)
		case <-ctx.Done():
			d.drain(work, l)
			return
		}
	}
}

func (d *Dispatcher) drain(work context.Context, l *lane) {
	for {
		select {
		case n := <-l.queue:
			d.deliver(work, l, n)
		default:
			return
		}
	}
}

// deliver tries n until it succeeds, cannot succeed, or the attempts or work run out. Once work is over it is not tried.
func (d *Dispatcher) deliver(work context.Context, l *lane, n Notice) {
	if work.Err() != nil {
		d.drop(l, n, "stopping")
		return
	}
	pause := d.opts.Backoff
	for attempt := 1; ; attempt++ {
		retry, err := d.attempt(work, l.sink, n)
		if err == nil {
			d.metrics.count(l.sink.Name(), resultSent)
			return
		}
		if !retry || attempt >= d.opts.Attempts || !sleep(work, pause) {
			d.fail(l, n, attempt, err)
			return
		}
		pause = min(2*pause, maxBackoff)
	}
}

// attempt calls the sink once. A sink that panics has failed like any other: it must not take down a daemon that may
// be in the middle of a rollback.
func (d *Dispatcher) attempt(work context.Context, s Sink, n Notice) (retry bool, err error) {
	ctx, cancel := context.WithTimeout(work, d.opts.Deadline)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			retry, err = false, fmt.Errorf("sink panicked: %v", p)
		}
	}()
	return s.Notify(ctx, n)
}

func (d *Dispatcher) drop(l *lane, n Notice, why string) {
	d.metrics.count(l.sink.Name(), resultDropped)
	d.opts.Logger.Warn("notice dropped", append(fields(n), zap.String("sink", l.sink.Name()), zap.String("why", why))...)
}

func (d *Dispatcher) fail(l *lane, n Notice, attempts int, err error) {
	d.metrics.count(l.sink.Name(), resultFailed)
	d.opts.Logger.Warn("notice not delivered", append(fields(n), zap.String("sink", l.sink.Name()),
		zap.Int("attempts", attempts), zap.String("error", oneLine(err.Error())))...)
}

// sleep waits for pause and reports whether ctx still lasts.
func sleep(ctx context.Context, pause time.Duration) bool {
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
