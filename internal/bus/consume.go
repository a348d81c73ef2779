package bus

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/internal/event"
)

const (
	// prefetch is how many events are fetched at once: more than one, because the client's buffer is as long and
	// drops what finds it full, and few, because an event that waits in it may be handed out again.
	prefetch      = 4
	pullExpiry    = 10 * time.Second
	pullHeartbeat = time.Second

	firstRebind = 200 * time.Millisecond
	maxRebind   = 5 * time.Second

	firstRedelivery = time.Second
	maxRedelivery   = 30 * time.Second
)

// Handler decides about one event. Its context ends before the event would be handed out again.
type Handler func(ctx context.Context, delivery Delivery) Disposition

// reader is a consumer, and what becomes of what it hands out.
type reader struct {
	*Bus
	// source is empty for the events' own subjects.
	source string
	// bind makes sure that the consumer is there.
	bind func(context.Context) (jetstream.Consumer, error)
	// health is why nothing arrives; nil if it does.
	health *health
	// rejected is the subject on which the rejection of what came on a subject is published.
	rejected func(subject string) string
}

func (b *Bus) deployments() reader {
	return reader{Bus: b, bind: b.ensure, health: &b.health, rejected: event.RejectedSubject}
}

// Consume hands events to the handler, one after another, until the context ends; then it returns nil. An event comes
// again until the handler accepts or rejects it, and may come again after that: handlers must be idempotent. A
// consumer or stream that disappears is made again, which hands out everything that the stream still holds. So are the
// streams and buckets that the handler stores in.
func (b *Bus) Consume(ctx context.Context, handler Handler) error {
	var keeping sync.WaitGroup
	defer keeping.Wait()
	keeping.Go(func() { b.keep(ctx) })
	return b.deployments().consume(ctx, handler)
}

func (r reader) consume(ctx context.Context, handler Handler) error {
	defer r.health.set(errNotConsuming)
	pause := firstRebind
	for {
		bound := time.Now()
		err := r.consumeBound(ctx, handler)
		if ctx.Err() != nil {
			return nil
		}
		r.health.set(fmt.Errorf("events do not arrive: %w", err))
		r.log.Warn("lost the consumer; binding it again", zap.String("source", r.source), zap.Error(err))
		if time.Since(bound) > maxRebind {
			pause = firstRebind
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		pause = min(2*pause, maxRebind)
	}
}

// consumeBound binds the consumer and handles its events until it is lost.
func (r reader) consumeBound(ctx context.Context, handler Handler) error {
	consumer, err := r.bind(ctx)
	if err != nil {
		return err
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(prefetch), jetstream.PullExpiry(pullExpiry),
		jetstream.PullHeartbeat(pullHeartbeat), jetstream.WithMessagesErrOnMissingHeartbeat(true))
	if err != nil {
		return err
	}
	defer release(messages)
	r.health.set(nil)
	for {
		msg, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		r.handle(ctx, msg, handler)
	}
}

// release gives back what was fetched but not handled, so that it need not wait for its time-out.
func release(messages jetstream.MessagesContext) {
	defer messages.Stop()
	messages.Drain()
	for range prefetch {
		msg, err := messages.Next(jetstream.NextMaxWait(100 * time.Millisecond))
		if err != nil {
			return
		}
		_ = msg.Nak()
	}
}

func (r reader) handle(ctx context.Context, msg jetstream.Msg, handler Handler) {
	delivery, err := newDelivery(msg)
	if err != nil {
		r.log.Error("a message without JetStream metadata was delivered", zap.Error(err))
		return
	}
	r.settle(ctx, msg, delivery, r.decide(ctx, delivery, handler))
}

// decide calls the handler; if it panics, the event is kept and the daemon goes on with the others.
func (b *Bus) decide(ctx context.Context, delivery Delivery, handler Handler) (disposition Disposition) {
	ctx, cancel := context.WithTimeout(ctx, b.options.AckWait*3/4)
	defer cancel()
	defer func() {
		if problem := recover(); problem != nil {
			b.log.Error("the event's handler panicked", delivery.field(), zap.Any("panic", problem),
				zap.ByteString("stack", debug.Stack()))
			disposition = Retry(fmt.Errorf("the handler panicked: %v", problem))
		}
	}()
	return handler(ctx, delivery)
}

// settle tells the server what was decided, even if the daemon is stopping meanwhile.
func (r reader) settle(ctx context.Context, msg jetstream.Msg, delivery Delivery, disposition Disposition) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.options.Timeout)
	defer cancel()
	switch disposition.verb {
	case verbAccept:
		r.events.WithLabelValues(resultAccepted, "").Inc()
		r.warn("unable to acknowledge an accepted event; it will come again", delivery, msg.DoubleAck(ctx))
	case verbReject:
		r.reject(ctx, msg, delivery, disposition.rejection)
	case verbIgnore:
		r.events.WithLabelValues(resultIgnored, string(disposition.rejection.Code)).Inc()
		r.log.Debug("ignored an event", delivery.field(), zap.String("reason", disposition.rejection.Error()))
		r.warn("unable to acknowledge an event that is ignored; it will come again", delivery, msg.DoubleAck(ctx))
	default:
		r.retryLater(msg, delivery, disposition.cause)
	}
}

func (r reader) reject(ctx context.Context, msg jetstream.Msg, delivery Delivery, rejection *event.Rejection) {
	notice := r.notice(delivery.Subject, delivery.StreamSeq, rejection)
	notice.Source = r.source
	id := fmt.Sprintf("%s%d-%d", r.source, delivery.Received.UnixNano(), delivery.StreamSeq)
	if err := r.publishRejection(ctx, r.rejected(delivery.Subject), id, notice); err != nil {
		r.retryLater(msg, delivery, err)
		return
	}
	r.warn("unable to settle a rejected event; it will come again", delivery, msg.TermWithReason(rejection.Error()))
}

func (b *Bus) retryLater(msg jetstream.Msg, delivery Delivery, cause error) {
	delay := redelivery(delivery.Redelivered)
	b.events.WithLabelValues(resultRetried, "").Inc()
	b.log.Warn("the event could not be handled; it will be tried again", delivery.field(),
		zap.Duration("delay", delay), zap.Error(cause))
	b.warn("unable to postpone an event; it will come again", delivery, msg.NakWithDelay(delay))
}

func (b *Bus) warn(message string, delivery Delivery, err error) {
	if err != nil {
		b.log.Warn(message, delivery.field(), zap.Error(err))
	}
}

// redelivery doubles from 1 s to 30 s with the number of times that the event was handed out again.
func redelivery(redelivered int) time.Duration {
	return min(firstRedelivery<<min(redelivered, 10), maxRedelivery)
}
