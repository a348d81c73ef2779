package bus

import (
	"context"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/event"
)

// Those who read records, however many, do not keep anybody from acting.
func TestReadersDoNotCrowdOutThoseWhoAct(t *testing.T) {
	server, b := controlled(t)
	reading, release := make(chan struct{}, maxReadings), make(chan struct{})
	serve(t, b, func(_ context.Context, a control.Asked) control.Reply {
		if a.Verb.Reads() {
			reading <- struct{}{}
			<-release
		}
		return control.Reply{OK: true}
	})
	ana := connectAs(t, server, "ana")
	shop := event.Target{Environment: "production", Namespace: "shop", Workload: control.AllWorkloads}
	for range maxReadings {
		require.NoError(t, ana.PublishRequest(control.Subject("ana", control.Incidents, shop), nats.NewInbox(), nil))
	}
	for range maxReadings {
		<-reading
	}
	require.Equal(t, control.CodeBusy, ask(t, ana, control.Subject("ana", control.Incidents, shop), "").Code)
	require.True(t, ask(t, ana, control.Subject("ana", control.List, shop), "").OK)
	close(release)
}

// Whoever may control one namespace reads the incidents of no other, and not those of all.
func TestNobodyReadsAnothersIncidents(t *testing.T) {
	server, b := controlled(t)
	serve(t, b, func(_ context.Context, a control.Asked) control.Reply {
		if a.Target.Namespace != "shop" {
			t.Errorf("it came through: %+v", a)
		}
		return control.Reply{OK: true}
	})
	for _, verb := range []control.Verb{control.Incidents, control.Journal} {
		own := event.Target{Environment: "production", Namespace: "shop", Workload: control.AllWorkloads}
		require.True(t, ask(t, connectAs(t, server, "ana"), control.Subject("ana", verb, own), `{"watch":"production.shop.k"}`).OK)
		for _, namespace := range []string{"billing", control.AllNamespaces} {
			ana := connectAs(t, server, "ana")
			other := event.Target{Environment: "production", Namespace: namespace, Workload: control.AllWorkloads}
			require.NoError(t, ana.Publish(control.Subject("ana", verb, other), []byte(`{"watch":"production.billing.k"}`)))
			require.NoError(t, ana.Flush())
			require.ErrorContains(t, ana.LastError(), "Permissions Violation for Publish")
		}
	}
}
