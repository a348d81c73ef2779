package demo

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollbackd/rollbackd/internal/event"
)

// publish announces a deployment as a deploy tool does: as a NATS user who may do that and nothing else. It returns
// once the event is stored, with its sequence in the stream.
func publish(ctx context.Context, d *daemon, e event.Event) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*callLimit)
	defer cancel()
	data, err := json.Marshal(e)
	if err != nil {
		return 0, fmt.Errorf("encode the event: %w", err)
	}
	nc, err := nats.Connect("nats://"+d.nats, nats.Name("rollbackd demo"), nats.UserInfo(publisher, d.password),
		nats.CustomInboxPrefix(event.InboxPrefix(publisher)), nats.Timeout(callLimit))
	if err != nil {
		return 0, fmt.Errorf("connect to NATS at %s: %w", d.nats, err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return 0, fmt.Errorf("connect to NATS at %s: %w", d.nats, err)
	}
	stored, err := js.Publish(ctx, e.Target().Subject(), data)
	if err != nil {
		return 0, fmt.Errorf("publish the event on %s: %w", e.Target().Subject(), err)
	}
	return stored.Sequence, nil
}
