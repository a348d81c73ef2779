package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollbackd/rollbackd/internal/event"
)

// publisher publishes one target's events for one NATS user, which may do little else.
type publisher struct {
	connection connection
	target     event.Target
	nc         *nats.Conn
	// complaint ends with what the server complained of: it does not answer a publish that it refuses.
	complaint context.Context
	end       context.CancelCauseFunc
	notices   *nats.Subscription
	// deaf is why rejections cannot be waited for. The event may be published all the same.
	deaf error
}

// stored is where an event is in its stream.
type stored struct {
	subject, stream string
	sequence        uint64
}

// unsure is a failure after which the event may have been stored or not.
type unsure struct{ error }

func (u unsure) Unwrap() error { return u.error }

func newPublisher(ctx context.Context, connection connection, target event.Target) (*publisher, error) {
	complaint, end := context.WithCancelCause(ctx)
	nc, err := connection.dial(func(err error) {
		if !forbidsSubscription(err, target.RejectedSubject()) {
			end(err)
		}
	})
	if err != nil {
		end(nil)
		return nil, err
	}
	return &publisher{connection: connection, target: target, nc: nc, complaint: complaint, end: end}, nil
}

func (p *publisher) close() {
	p.nc.Close()
	p.end(nil)
}

// listen subscribes to the target's rejections, before there can be any. That it may not is no reason not to announce.
func (p *publisher) listen() {
	p.notices, p.deaf = p.nc.SubscribeSync(p.target.RejectedSubject())
	if p.deaf == nil {
		p.deaf = p.nc.FlushTimeout(p.connection.timeout)
	}
	if last := p.nc.LastError(); forbidsSubscription(last, p.target.RejectedSubject()) {
		p.deaf = last
	}
}

// publish returns once the stream has stored the event, or says why it has not.
func (p *publisher) publish(payload []byte) (stored, error) {
	js, err := jetstream.New(p.nc)
	if err != nil {
		return stored{}, fmt.Errorf("unable to use JetStream: %w", err)
	}
	ctx, cancel := context.WithTimeout(p.complaint, p.connection.timeout)
	defer cancel()
	ack, err := js.Publish(ctx, p.target.Subject(), payload)
	if err != nil {
		return stored{}, p.explain(err)
	}
	return stored{subject: p.target.Subject(), stream: ack.Stream, sequence: ack.Sequence}, nil
}

// explain tells a refusal from a server that did not answer, or could not.
func (p *publisher) explain(err error) error {
	complained := p.complained()
	api, answered := errors.AsType[jetstream.JetStreamError](err)
	switch {
	case forbidsPublish(complained, p.target.Subject()):
		return refusal{fmt.Errorf("the server refuses: %w", complained)}
	case complained != nil:
		return unsure{fmt.Errorf("no answer can come, and the event may have been stored: the server says: %w", complained)}
	case errors.Is(err, nats.ErrMaxPayload):
		return refusal{fmt.Errorf("the event is larger than the server allows (%d bytes): %w", p.nc.MaxPayload(), err)}
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, jetstream.ErrNoStreamResponse):
		return refusal{fmt.Errorf("no stream takes %s: is rollbackd running? (%w)", p.target.Subject(), err)}
	case answered && api.APIError() != nil:
		return refusal{fmt.Errorf("the stream refuses the event: %w", err)}
	case errors.Is(err, context.DeadlineExceeded):
		return unsure{fmt.Errorf("no answer from %s within %s; the event may have been stored",
			p.connection.where(), p.connection.timeout)}
	}
	return unsure{fmt.Errorf("the event may have been stored: %w", err)}
}

// complained is what the server complained of, if it did. Of several complaints one of the publish decides; it comes
// after one of the inbox, because the inbox is subscribed to first.
func (p *publisher) complained() error {
	cause := context.Cause(p.complaint)
	if cause == nil || errors.Is(cause, context.Canceled) {
		return nil
	}
	if p.nc.FlushTimeout(p.connection.timeout) == nil && forbidsPublish(p.nc.LastError(), p.target.Subject()) {
		return p.nc.LastError()
	}
	return cause
}

// forbidsPublish and forbidsSubscription tell what a complaint is about: the client gives only the server's text.
func forbidsPublish(complaint error, subject string) bool {
	return complaint != nil && strings.Contains(complaint.Error(), fmt.Sprintf("Violation for Publish to %q", subject))
}

func forbidsSubscription(complaint error, subject string) bool {
	return complaint != nil && strings.Contains(complaint.Error(), fmt.Sprintf("Violation for Subscription to %q", subject))
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
