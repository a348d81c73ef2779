package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// awaitBody waits until the readiness probe answers with a code and a text.
func awaitBody(d *daemon, limit time.Duration, code int, text string) {
	d.t.Helper()
	eventually(d.t, limit, func() (bool, string) {
		got, body, err := d.get("/-/ready")
		return err == nil && got == code && strings.Contains(body, text), fmt.Sprint("readiness is ", got, " ", body, err)
	})
}

// TestNATSRestartInMidWatch: the server goes away while a breach is held, and comes back. The watch goes on, and
// there is one rollback.
func TestNATSRestartInMidWatch(t *testing.T) {
	w := onStack(t)
	n := newNATS(t)
	n.start()
	d := newDaemon(t, w, func(s *settings) { s.External, s.For = n.url, unhurried })
	s := newService(t, w)

	s.deploy("v2", sampleapp.FailingThird())
	s.announce(d, "restarted", "v2")
	before := awaitHeld(d, "restarted", 3)
	n.stop()
	awaitBody(d, 30*time.Second, 503, "nats: not connected")
	require.Empty(t, s.rollbacks(), "nothing is done that cannot be recorded")
	n.start()
	d.awaitReady()
	v := d.awaitState("restarted", 90*time.Second, watch.RolledBack)

	require.Equal(t, before.ID, v.ID)
	require.Len(t, s.rollbacks(), 1)
	s.requireLive("v1")
	requireTimelineOf(t, d, v, "Error rate spike detected")
}

// TestNATSRestartLosesNoEvent: what NATS has acknowledged is watched, wherever between its acceptance and its
// handling the server was restarted.
func TestNATSRestartLosesNoEvent(t *testing.T) {
	w := onStack(t)
	n := newNATS(t)
	n.start()
	d := newDaemon(t, w, func(s *settings) { s.External = n.url })
	s := unserved(t, w)
	js := n.jetStream()

	var ids []string
	for round := range 3 {
		for i := range 20 {
			e := s.announcement(d, fmt.Sprintf("event-%d-%d", round, i), "v2")
			e.Workload = fmt.Sprintf("absent-%d", i)
			publishUntilAcknowledged(t, js, e)
			ids = append(ids, e.ID)
		}
		n.stop() // the daemon has handled some of them, and is in the middle of one
		n.start()
	}
	d.awaitReady()
	// What was on its way to the daemon when a server stopped is handed out again after the consumer's 15 s.
	eventually(t, time.Minute, func() (bool, string) {
		known := map[string]int{}
		for _, v := range d.watches() {
			known[v.EventID]++
		}
		for _, id := range ids {
			if known[id] != 1 {
				return false, fmt.Sprintf("event %s has %d watches", id, known[id])
			}
		}
		return len(known) == len(ids), fmt.Sprintf("%d watches", len(known))
	})
}

// publishUntilAcknowledged does what the deploy tool's client does: it tries until NATS has stored the event.
func publishUntilAcknowledged(t *testing.T, js jetstream.JetStream, e event.Event) {
	t.Helper()
	document, err := json.Marshal(e)
	require.NoError(t, err)
	eventually(t, 20*time.Second, func() (bool, string) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err := js.Publish(ctx, e.Target().Subject(), document)
		return err == nil, fmt.Sprint("NATS does not store the event: ", err)
	})
}

// TestExternalNATSWithCredentials: the daemon is there before its NATS is, gets in with its credentials file once
// it comes, and takes events in.
func TestExternalNATSWithCredentials(t *testing.T) {
	w := onStack(t)
	n := newNATS(t)
	credentials := n.requireCredentials()
	d := launchDaemon(t, w, func(s *settings) { s.External, s.Credentials = n.url, credentials })
	d.awaitLogged("waiting for NATS")
	// Whatever restarts a daemon that does not answer would only prolong the wait.
	code, _, err := d.get("/-/healthy")
	require.NoError(t, err)
	require.Equal(t, 200, code, "it lives")
	awaitBody(d, 10*time.Second, 503, "starting")
	n.start()
	d.awaitReady()

	_, err = nats.Connect(n.url, nats.Timeout(20*time.Second))
	require.ErrorIs(t, err, nats.ErrAuthorization, "the server lets nobody in without credentials")
	publishUntilAcknowledged(t, n.jetStream(nats.UserCredentials(credentials)), unserved(t, w).announcement(d, "trusted", "v2"))
	d.await("trusted", 30*time.Second, "known", func(watch.View) bool { return true })
}

// TestDeletedConsumerAndStreamAreMadeAgain: somebody deletes what events arrive by. The daemon notices within seconds
// and makes it again; while it cannot, it does not call itself ready. Later events work.
func TestDeletedConsumerAndStreamAreMadeAgain(t *testing.T) {
	w := onStack(t)
	n := newNATS(t)
	n.start()
	d := newDaemon(t, w, func(s *settings) { s.External = n.url })
	s := unserved(t, w)
	js, ctx := n.jetStream(), t.Context()
	known := func(id string) {
		t.Helper()
		publishUntilAcknowledged(t, js, s.announcement(d, id, "v2"))
		d.await(id, 30*time.Second, "known", func(watch.View) bool { return true })
	}
	known("before")

	old, err := js.Consumer(ctx, "DEPLOYMENTS", "rollbackd-"+d.Instance)
	require.NoError(t, err)
	require.NoError(t, js.DeleteConsumer(ctx, "DEPLOYMENTS", "rollbackd-"+d.Instance))
	eventually(t, 30*time.Second, func() (bool, string) {
		again, err := js.Consumer(ctx, "DEPLOYMENTS", "rollbackd-"+d.Instance)
		return err == nil && again.CachedInfo().Created.After(old.CachedInfo().Created), fmt.Sprint("no new consumer: ", err)
	})
	known("after the consumer")

	// A stream of another's that holds the subjects keeps the daemon from making its own again.
	usurp(t, js)
	awaitBody(d, 30*time.Second, 503, "nats: events do not arrive")
	require.NoError(t, js.DeleteStream(ctx, "USURPER"))
	d.awaitReady()
	known("after the stream")
	require.Len(t, d.watches(), 3, "what was watched before is watched still")
}

// usurp deletes the stream of events and takes its subjects, before the daemon can make it again.
func usurp(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	eventually(t, 10*time.Second, func() (bool, string) {
		err := js.DeleteStream(t.Context(), "DEPLOYMENTS")
		if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
			return false, err.Error()
		}
		_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "USURPER", Subjects: []string{"deployments.>"}})
		return err == nil, fmt.Sprint("the daemon was faster: ", err)
	})
}
