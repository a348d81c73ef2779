package bus

import (
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/event"
)

// An event that is none of ours is settled and counted, and nobody is told; its headers arrive as they were published.
func TestIgnoredEventsAreNotAnswered(t *testing.T) {
	bus := openNew(t, Options{})
	got := inbox{decide: func(d Delivery) Disposition {
		if d.Redelivered == 0 {
			return Ignore(nil) // a mistake, so it comes again
		}
		return Ignore(&event.Rejection{Code: event.CodeNotADeployment, Reason: "announces no deployment"})
	}}
	consume(t, bus, got.handle)
	_, err := bus.js.PublishMsg(t.Context(), &nats.Msg{Subject: checkout, Header: nats.Header{"ce-id": {"7"}}, Data: []byte("{}")})
	require.NoError(t, err)
	eventually(t, got.has(2))
	settled(t, bus)
	require.Equal(t, map[string][]string{"ce-id": {"7"}}, got.all()[1].Headers)
	require.Empty(t, rejections(t, bus, event.RejectedSubject(checkout)))
	require.InDelta(t, 1, testutil.ToFloat64(bus.events.WithLabelValues("ignored", "not-a-deployment")), 0)
}
