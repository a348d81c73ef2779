package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollbackd/rollbackd/internal/event"
)

// publisher publishes for one NATS user, which may do little else.
type publisher struct {
	connection connection
	nc         *nats.Conn
	// complaint ends with what the server complained of: it does not answer a publish that it refuses.
	complaint context.Context
	end       context.CancelCauseFunc
	notices   *nats.Subscription
}

// stored is where an event is in its stream.
type stored struct {
	subject, stream string
	sequence        uint64
}

func newPublisher(ctx context.Context, connection connection) (*publisher, error) {
	complaint, end := context.WithCancelCause(ctx)
	nc, err := connection.dial(end)
	if err != nil {
		end(nil)
		return nil, err
	}
	return &publisher{connection: connection, nc: nc, complaint: complaint, end: end}, nil
}

func (p *publisher) close() {
	p.nc.Close()
	p.end(nil)
}

// listen subscribes to the target's rejections, before there can be any.
func (p *publisher) listen(target event.Target) error {
	notices, err := p.nc.SubscribeSync(target.RejectedSubject())
	if err == nil {
		err = p.nc.FlushTimeout(p.connection.timeout)
	}
	p.notices = notices
	if refused := p.refused(); refused != nil {
		return refused
	}
	if err != nil {
		return fmt.Errorf("unable to wait for rejections: %w", err)
	}
	return nil
}

// publish returns once the stream has stored the event, or says why it has not.
func (p *publisher) publish(subject string, payload []byte) (stored, error) {
	js, err := jetstream.New(p.nc)
	if err != nil {
		return stored{}, fmt.Errorf("unable to use JetStream: %w", err)
	}
	ctx, cancel := context.WithTimeout(p.complaint, p.connection.timeout)
	defer cancel()
	ack, err := js.Publish(ctx, subject, payload)
	if err != nil {
		return stored{}, p.explain(subject, err)
	}
	return stored{subject: subject, stream: ack.Stream, sequence: ack.Sequence}, nil
}

// explain tells a refusal from a server that did not answer.
func (p *publisher) explain(subject string, err error) error {
	if refused := p.refused(); refused != nil {
		return refused
	}
	api, answered := errors.AsType[jetstream.JetStreamError](err)
	switch {
	case errors.Is(err, nats.ErrMaxPayload):
		return refusal{fmt.Errorf("the event is larger than the server allows (%d bytes): %w", p.nc.MaxPayload(), err)}
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, jetstream.ErrNoStreamResponse):
		return refusal{fmt.Errorf("no stream takes %s: is rollbackd running? (%w)", subject, err)}
	case answered && api.APIError() != nil:
		return refusal{fmt.Errorf("the stream refuses the event: %w", err)}
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no answer from %s within %s; the event may have been stored, and may be published again",
			p.connection.where(), p.connection.timeout)
	}
	return fmt.Errorf("unable to publish the event: %w", err)
}

// refused is what the server complained of, if it did.
func (p *publisher) refused() error {
	cause := context.Cause(p.complaint)
	if cause == nil || errors.Is(cause, context.Canceled) {
		return nil
	}
	return refusal{fmt.Errorf("the server refuses: %w", cause)}
}

// rejection waits for a rejection of the event with the sequence; nil means that none came.
func (p *publisher) rejection(ctx context.Context, sequence uint64, wait time.Duration) (*event.Notice, error) {
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for {
		msg, err := p.notices.NextMsgWithContext(waiting)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, context.DeadlineExceeded):
			return nil, nil
		case err != nil:
			return nil, fmt.Errorf("unable to wait for a rejection: %w", err)
		}
		var notice event.Notice
		if json.Unmarshal(msg.Data, &notice) == nil && notice.StreamSeq == sequence {
			return &notice, nil
		}
	}
}
