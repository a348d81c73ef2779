package notifier

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// natsServer is a NATS server in this process; with denied no client may publish on that subject.
func natsServer(t *testing.T, denied string) *nats.Conn {
	t.Helper()
	options := &server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true}
	if denied != "" {
		options.Users = []*server.User{{Username: "u", Password: "p", Permissions: &server.Permissions{
			Publish: &server.SubjectPermission{Deny: []string{denied}},
		}}}
	}
	s, err := server.NewServer(options)
	require.NoError(t, err)
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	require.True(t, s.ReadyForConnections(time.Minute))
	nc, err := nats.Connect(s.ClientURL(), nats.UserInfo("u", "p"), nats.Timeout(time.Minute), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc
}

func cdEvents(t *testing.T, opts CDEventsOptions) *CDEvents {
	t.Helper()
	opts.Name, opts.Source = "bus", "/rollbackd/main"
	sink, err := NewCDEvents(opts)
	require.NoError(t, err)
	return sink
}

func TestCDEventInBinaryMode(t *testing.T) {
	nc := natsServer(t, "")
	sub, err := nc.SubscribeSync("rollbackd.cdevents.production.shop.>")
	require.NoError(t, err)
	require.NoError(t, nc.Flush())

	retry, err := cdEvents(t, CDEventsOptions{Conn: nc}).Notify(t.Context(), regressed())
	require.NoError(t, err)
	require.False(t, retry)

	msg, err := sub.NextMsg(time.Minute)
	require.NoError(t, err)
	require.Equal(t, "rollbackd.cdevents.production.shop.checkout", msg.Subject)
	require.Equal(t, nats.Header{
		"ce-specversion":      {"1.0"},
		"ce-id":               {"incident-20261122T100510Z.detected"},
		"ce-source":           {"/rollbackd/main"},
		"ce-type":             {"dev.cdevents.incident.detected.0.3.0"},
		"ce-subject":          {"incident-20261122T100510Z"},
		"ce-time":             {"2026-11-22T10:05:10Z"},
		"ce-datacontenttype":  {"application/json"},
		jetstream.MsgIDHeader: {"/rollbackd/main%20incident-20261122T100510Z.detected"},
	}, msg.Header)
	require.Equal(t, decodeJSON(t, encodeJSON(t, cdWriter{source: "/rollbackd/main"}.events(regressed())[0])), decodeJSON(t, string(msg.Data)))
}

func TestCDEventInStructuredMode(t *testing.T) {
	nc := natsServer(t, "")
	sub, err := nc.SubscribeSync("events")
	require.NoError(t, err)
	require.NoError(t, nc.Flush())

	_, err = cdEvents(t, CDEventsOptions{Conn: nc, Mode: Structured, Subject: "events", Version: CDEvents04}).Notify(t.Context(), regressed())
	require.NoError(t, err)

	msg, err := sub.NextMsg(time.Minute)
	require.NoError(t, err)
	require.Equal(t, "application/cloudevents+json", msg.Header.Get("Content-Type"))
	got := decodeJSON(t, string(msg.Data))
	data := got["data"].(map[string]any)
	delete(got, "data")
	require.Equal(t, map[string]any{
		"specversion": "1.0", "id": "incident-20261122T100510Z.detected", "source": "/rollbackd/main", "type": "dev.cdevents.incident.detected.0.2.0",
		"subject": "incident-20261122T100510Z", "time": "2026-11-22T10:05:10Z", "datacontenttype": "application/json",
	}, got)
	require.Equal(t, decodeJSON(t, encodeJSON(t, cdWriter{source: "/rollbackd/main", version: CDEvents04}.events(regressed())[0])), data)
}

func TestStreamKeepsACDEventOnce(t *testing.T) {
	nc := natsServer(t, "")
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(time.Minute))
	require.NoError(t, err)
	stream, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "CDEVENTS", Subjects: []string{"rollbackd.cdevents.>"}})
	require.NoError(t, err)

	sink := cdEvents(t, CDEventsOptions{Conn: nc})
	n := later(KindRolledBack, func(n *Notice) { n.RolledBack = true })
	for range 2 { // told again after a crash
		_, err := sink.Notify(t.Context(), n)
		require.NoError(t, err)
	}
	info, err := stream.Info(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 2, info.State.Msgs, "one service.rolledback and one incident.resolved")
}

func TestFullStreamIsTriedAgain(t *testing.T) {
	nc := natsServer(t, "")
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(time.Minute))
	require.NoError(t, err)
	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: "CDEVENTS", Subjects: []string{"rollbackd.cdevents.>"}, MaxMsgs: 1, Discard: jetstream.DiscardNew,
	})
	require.NoError(t, err)
	retry, err := cdEvents(t, CDEventsOptions{Conn: nc}).Notify(t.Context(), later(KindRolledBack, func(n *Notice) { n.RolledBack = true }))
	require.ErrorContains(t, err, "maximum messages exceeded")
	require.True(t, retry)
}

func TestForbiddenSubjectIsAnError(t *testing.T) {
	nc := natsServer(t, "rollbackd.cdevents.>")
	sink := cdEvents(t, CDEventsOptions{Conn: nc})
	for range 2 {
		retry, err := sink.Notify(t.Context(), regressed())
		require.ErrorContains(t, err, "ermissions violation")
		require.ErrorContains(t, err, "rollbackd.cdevents.production.shop.checkout")
		require.True(t, retry)
	}
}

func TestCDEventsWithoutNATS(t *testing.T) {
	nc := natsServer(t, "")
	sink := cdEvents(t, CDEventsOptions{Conn: nc})
	nc.Close()
	retry, err := sink.Notify(t.Context(), regressed())
	require.ErrorContains(t, err, "NATS is not connected")
	require.True(t, retry)
	_, err = sink.Notify(t.Context(), later(KindHealthy, nil))
	require.NoError(t, err, "there is nothing to publish")
	_, err = sink.Notify(t.Context(), Notice{Kind: KindTest})
	require.ErrorContains(t, err, "reach NATS", "a test tries the connection")
	_, err = cdEvents(t, CDEventsOptions{Conn: natsServer(t, "")}).Notify(t.Context(), Notice{Kind: KindTest})
	require.NoError(t, err)
}

func TestCDEventsWaitNoLongerThanTheyMay(t *testing.T) {
	nc := natsServer(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	retry, err := cdEvents(t, CDEventsOptions{Conn: nc}).Notify(ctx, regressed())
	require.ErrorIs(t, err, context.Canceled)
	require.True(t, retry)
}

func TestHostileNoticeMakesLegalMessages(t *testing.T) {
	nc := natsServer(t, "")
	sub, err := nc.SubscribeSync("rollbackd.cdevents.>")
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	for _, mode := range []CloudEventsMode{Binary, Structured} {
		_, err = cdEvents(t, CDEventsOptions{Conn: nc, Mode: mode}).Notify(t.Context(), hostile(KindRegressed))
		require.NoError(t, err)
		msg, err := sub.NextMsg(time.Minute)
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(msg.Subject, "rollbackd.cdevents.a%20Bcc"), msg.Subject[:40])
		require.Len(t, strings.Split(msg.Subject, "."), 6, "the dot of a workload's name parts tokens, and that of an environment does not")
		require.True(t, json.Valid(msg.Data))
		for name, values := range msg.Header {
			plain, err := url.PathUnescape(values[0])
			require.NoError(t, err, name)
			require.NotContains(t, plain, "\n", name)
		}
	}
}

func TestSubjectOfACDEvent(t *testing.T) {
	for _, c := range []struct{ environment, workload, want string }{
		{"production", "shop/checkout", "p.production.shop.checkout"},
		{"production", "shop/check.out", "p.production.shop.check.out"},
		{"a.b", "s.h/c..d.", "p.a%2Eb.s%2Eh.c.-.d.-"},
		{"*", "> */>", "p.%2A.%3E%20%2A.%3E"},
		{"", "", "p.-.-.-"},
		{"é", "{workload}/{environment}", "p.%C3%A9.{workload}.{environment}"},
	} {
		got := cdSubjectOf("p.{environment}.{namespace}.{workload}", Notice{Environment: c.environment, Workload: c.workload})
		if got != c.want {
			t.Errorf("subject of %q %q = %q, want %q", c.environment, c.workload, got, c.want)
		}
	}
}

func TestSubjectIsNoLongerThanAServerTakes(t *testing.T) {
	long := strings.Repeat("é.", 10000)
	n := Notice{ID: "n", Kind: KindRolledBack, RolledBack: true, Environment: long, Workload: long + "/" + long}
	require.Less(t, len(cdSubjectOf(DefaultCDEventsSubject, n)), 2000)
	nc := natsServer(t, "")
	_, err := cdEvents(t, CDEventsOptions{Conn: nc}).Notify(t.Context(), n)
	require.NoError(t, err)
	require.True(t, nc.IsConnected())
}

func TestHeaderValue(t *testing.T) {
	// The example of CloudEvents' NATS protocol binding, section 3.1.3.2.
	if got := headerValue("Euro € 😀"); got != "Euro%20%E2%82%AC%20%F0%9F%98%80" {
		t.Error(got)
	}
	if got := headerValue("100% \"x\"\r\n"); got != "100%25%20%22x%22%0D%0A" {
		t.Error(got)
	}
}
