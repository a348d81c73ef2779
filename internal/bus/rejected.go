package bus

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/internal/event"
)

// Reject publishes the rejection of an event that was accepted before: streamSeq is its sequence in the DEPLOYMENTS
// stream. Repeating the call within ten minutes publishes nothing new.
func (b *Bus) Reject(ctx context.Context, target event.Target, streamSeq uint64, rejection *event.Rejection) error {
	notice := b.notice(target.Subject(), streamSeq, rejection)
	id := fmt.Sprintf("%s-%d", rejection.Code, streamSeq)
	return b.publishRejection(ctx, target.RejectedSubject(), id, notice)
}

func (b *Bus) notice(subject string, streamSeq uint64, rejection *event.Rejection) event.Notice {
	return event.Notice{
		Rejection: *rejection, Subject: subject, StreamSeq: streamSeq,
		At: time.Now().UTC(), Instance: b.options.Instance,
	}
}

// publishRejection stores the notice, once for each ID, and only then counts and logs it.
func (b *Bus) publishRejection(ctx context.Context, subject, id string, notice event.Notice) error {
	data, err := json.Marshal(notice)
	if err != nil {
		return fmt.Errorf("unable to encode a rejection: %w", err)
	}
	err = b.calls.retry(ctx, func(ctx context.Context) error {
		_, err := b.js.PublishMsg(ctx, &nats.Msg{Subject: subject, Data: data},
			jetstream.WithMsgID(b.options.Instance+"-"+id), jetstream.WithExpectStream(RejectedStream))
		return err
	})
	if err != nil {
		return fmt.Errorf("unable to publish a rejection: %w", err)
	}
	b.log.Info("rejected an event", zap.String("subject", notice.Subject), zap.Uint64("streamSeq", notice.StreamSeq),
		zap.String("code", string(notice.Code)), zap.String("reason", notice.Error()))
	b.events.WithLabelValues(resultRejected, string(notice.Code)).Inc() // last, so that what is counted is in the log
	return nil
}
