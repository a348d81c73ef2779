package bus

import (
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/rollbackd/rollbackd/internal/event"
)

// Delivery is one event as it was stored. Subject, Headers and Data are as published: nothing about them has been checked.
type Delivery struct {
	Subject string
	Headers map[string][]string
	Data    []byte
	// StreamSeq is the event's sequence in its stream.
	StreamSeq uint64
	// Received is when the stream stored the event.
	Received time.Time
	// Redelivered is how many times the event was handed out before.
	Redelivered int
}

func newDelivery(msg jetstream.Msg) (Delivery, error) {
	metadata, err := msg.Metadata()
	if err != nil {
		return Delivery{}, err
	}
	return Delivery{
		Subject: msg.Subject(), Headers: msg.Headers(), Data: msg.Data(), StreamSeq: metadata.Sequence.Stream, Received: metadata.Timestamp,
		Redelivered: max(int(metadata.NumDelivered)-1, 0),
	}, nil
}

func (d Delivery) field() zapcore.Field {
	return zap.Dict("event", zap.String("subject", d.Subject), zap.Uint64("streamSeq", d.StreamSeq),
		zap.Int("redelivered", d.Redelivered))
}

// Disposition is what becomes of an event. The zero value means that it is tried again: what is forgotten is not lost.
type Disposition struct {
	verb      verb
	rejection *event.Rejection
	cause     error
}

type verb int

const (
	verbRetry verb = iota
	verbAccept
	verbReject
	verbIgnore
)

// Accept means that the event is safely kept elsewhere; it is acknowledged.
func Accept() Disposition { return Disposition{verb: verbAccept} }

// Reject means that the event is refused for good. The rejection is published for its publisher. A nil rejection is a
// mistake of the handler, and the event is tried again.
func Reject(rejection *event.Rejection) Disposition {
	if rejection == nil {
		return Retry(errors.New("rejected without a reason"))
	}
	return Disposition{verb: verbReject, rejection: rejection}
}

// Ignore means that the event is none of ours: it is acknowledged and counted, and nobody is told. The rejection says why;
// a nil one is a mistake of the handler, and the event is tried again.
func Ignore(rejection *event.Rejection) Disposition {
	if rejection == nil {
		return Retry(errors.New("ignored without a reason"))
	}
	return Disposition{verb: verbIgnore, rejection: rejection}
}

// Retry means that the event could not be handled now; it comes again after 1 s, then less and less often, up to
// every 30 s.
func Retry(cause error) Disposition { return Disposition{verb: verbRetry, cause: cause} }
