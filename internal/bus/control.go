package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/internal/control"
)

const (
	// controlTimeout bounds how long one request may take; those who ask wait a little longer.
	controlTimeout = 10 * time.Second
	// maxControls is how many requests may be in work at once. More are told to come again.
	maxControls = 16
	// maxReadings is how many of those that only read records may be in work besides.
	maxReadings = 8
)

// Control answers what people ask, until ctx ends. Requests that cannot be decoded are answered with what is wrong with
// them. A request without anywhere to answer to is carried out all the same.
func (b *Bus) Control(ctx context.Context, answer func(context.Context, control.Asked) control.Reply) error {
	d := &desk{bus: b, answer: answer, seats: make(chan struct{}, maxControls), readers: make(chan struct{}, maxReadings)}
	defer b.hearRefusals()()
	subscriptions, err := b.listenTo(ctx, d)
	for err == nil && ctx.Err() == nil {
		select {
		case <-ctx.Done():
			continue
		case <-time.After(b.controlAgain):
		}
		if b.control.get() == nil {
			continue
		}
		// What the server has refused it does not give later, when it may. A refusal comes before the answer to the flush, and each is an
		// error of its own.
		known := b.nc.LastError()
		drop(subscriptions)
		if subscriptions, err = b.listenTo(ctx, d); err == nil && b.nc.FlushTimeout(controlTimeout) == nil && b.nc.LastError() == known {
			b.control.set(nil)
		}
	}
	drop(subscriptions)
	d.busy.Wait()
	if ctx.Err() != nil {
		return nil // the connection may be closed already
	}
	return err
}

// controlAgain is how often it is tried to listen again where the server has refused it.
const controlAgain = 15 * time.Second

// listenTo subscribes to what people ask for.
func (b *Bus) listenTo(ctx context.Context, d *desk) (subscriptions []*nats.Subscription, err error) {
	for _, environment := range b.options.Environments {
		sub, err := b.nc.Subscribe(control.Pattern(environment), func(msg *nats.Msg) { d.take(ctx, msg) })
		if err != nil {
			return subscriptions, fmt.Errorf("unable to listen to what people ask for: %w", err)
		}
		subscriptions = append(subscriptions, sub)
	}
	return subscriptions, nil
}

func drop(subscriptions []*nats.Subscription) {
	for _, sub := range subscriptions {
		_ = sub.Unsubscribe() // the connection may be closed already
	}
}

// hearRefusals notes when the server does not let the daemon hear people, who would ask in vain.
func (b *Bus) hearRefusals() (ignore func()) {
	told := b.nc.ErrorHandler()
	b.nc.SetErrorHandler(func(nc *nats.Conn, sub *nats.Subscription, err error) {
		for _, environment := range b.options.Environments {
			subject := control.Pattern(environment)
			if !errors.Is(err, nats.ErrPermissionViolation) || !strings.Contains(err.Error(), `Subscription to "`+subject+`"`) {
				continue
			}
			if known := b.control.get(); known != nil {
				return // it is told once
			}
			b.control.set(fmt.Errorf("nobody can decide on a rollback: the server does not let the daemon subscribe to %s; add it to the permissions of its user (deploy/nats/permissions.conf)", subject))
		}
		if told != nil {
			told(nc, sub, err)
		}
	})
	return func() { b.nc.SetErrorHandler(told); b.control.set(nil) }
}

// desk handles requests, a few at a time.
type desk struct {
	bus    *Bus
	answer func(context.Context, control.Asked) control.Reply
	// seats are for those who act or ask about what goes on; readers, who may take long, have their own.
	seats, readers chan struct{}
	busy           sync.WaitGroup
}

// take must not block: the subscription's messages come one after another.
func (d *desk) take(ctx context.Context, msg *nats.Msg) {
	asked, err := control.Decode(msg.Subject, msg.Data)
	if err != nil {
		d.reply(msg, control.Refuse(control.CodeMalformed, "%v", err))
		return
	}
	seats := d.seats
	if asked.Verb.Patient() {
		seats = d.readers
	}
	select {
	case seats <- struct{}{}:
	default:
		d.reply(msg, control.Refuse(control.CodeBusy, "too much is being asked for at once; ask again in a moment"))
		return
	}
	d.busy.Go(func() {
		defer func() { <-seats }()
		bounded, cancel := context.WithTimeout(ctx, controlTimeout)
		defer cancel()
		reply := d.answer(bounded, asked)
		d.bus.log.Info("answered a person", zap.String("by", asked.By), zap.String("verb", string(asked.Verb)),
			zap.String("subject", msg.Subject), zap.Bool("ok", reply.OK), zap.String("message", reply.Message))
		d.reply(msg, reply)
	})
}

func (d *desk) reply(msg *nats.Msg, reply control.Reply) {
	data, err := json.Marshal(reply)
	if err == nil && int64(len(data)) > d.bus.nc.MaxPayload() {
		data, err = json.Marshal(control.Refuse(control.CodeBusy, "the answer has %d bytes, more than the server carries", len(data)))
	}
	if err == nil && msg.Reply != "" {
		err = msg.Respond(data)
	}
	if err != nil {
		d.bus.log.Warn("a person could not be answered", zap.Error(err))
	}
}
