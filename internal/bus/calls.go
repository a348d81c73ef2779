package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// retryPause is between two attempts of a call.
const retryPause = 100 * time.Millisecond

// callsAtOnce is how many calls are under way at the same time. The ticks of a thousand watches end together, and a server
// that syncs each write to the disk stores them one after the other: those at the end of its queue would be given up, and
// asked for again, before it comes to them.
const callsAtOnce = 32

// calls gives every call on NATS its turn and a deadline.
type calls struct {
	timeout time.Duration
	// under holds one for each call that is under way.
	under chan struct{}
}

func newCalls(timeout time.Duration) calls {
	return calls{timeout: timeout, under: make(chan struct{}, callsAtOnce)}
}

// retry waits for the call's turn and repeats the attempt while it fails in a way that may pass, until the call's deadline,
// which counts from its turn. An attempt gets at most half of the time, so that a lost answer leaves time for another. What is
// attempted must be safe to repeat.
func (c calls) retry(ctx context.Context, attempt func(context.Context) error) error {
	select {
	case c.under <- struct{}{}:
		defer func() { <-c.under }()
	case <-ctx.Done():
		return fmt.Errorf("NATS has too much to do: %w", ctx.Err())
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	for {
		err := c.once(ctx, attempt)
		if err == nil || !transient(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no answer from NATS in time: %w", err)
		case <-time.After(retryPause):
		}
	}
}

func (c calls) once(ctx context.Context, attempt func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout/2)
	defer cancel()
	return attempt(ctx)
}

// jsUnavailable is the server's error code for a JetStream that has no leader or is still starting.
const jsUnavailable = 10008

// transient says whether the same call may work in a moment.
func transient(err error) bool {
	for _, passing := range []error{
		context.DeadlineExceeded, nats.ErrTimeout, nats.ErrNoResponders, nats.ErrDisconnected,
		nats.ErrConnectionReconnecting, nats.ErrReconnectBufExceeded, nats.ErrNoServers, jetstream.ErrNoStreamResponse,
		nats.ErrConnectionClosed, // what is under way while the client connects anew, as with new credentials, is told this
	} {
		if errors.Is(err, passing) {
			return true
		}
	}
	api, ok := errors.AsType[jetstream.JetStreamError](err)
	return ok && api.APIError() != nil && (api.APIError().ErrorCode == jsUnavailable || api.APIError().Code == 503)
}

// ambiguous says whether a write that failed so may nevertheless have been stored.
func ambiguous(err error) bool {
	return err != nil && transient(err) && !errors.Is(err, nats.ErrNoResponders)
}

// lostRace says whether a write was refused because another came first. Replicated streams answer with another code
// than single ones.
func lostRace(err error) bool {
	if errors.Is(err, jetstream.ErrKeyExists) || errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		return true
	}
	api, ok := errors.AsType[jetstream.JetStreamError](err)
	if !ok || api.APIError() == nil {
		return false
	}
	code := api.APIError().ErrorCode
	return code == jetstream.JSErrCodeStreamWrongLastSequence || code == jetstream.JSErrCodeStreamWrongLastSequenceConstant
}
