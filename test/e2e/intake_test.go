package e2e

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// rejections subscribes to what the daemon refuses of one workload, as its publisher may.
func rejections(t *testing.T, d *daemon, s *service) func() event.Notice {
	t.Helper()
	target := event.Target{Environment: d.Environment, Namespace: s.Namespace, Workload: s.Name}
	nc := connect(t, d)
	sub, err := nc.SubscribeSync(target.RejectedSubject())
	require.NoError(t, err)
	require.NoError(t, nc.Flush(), "the server knows of the subscription before anything is refused")
	return func() event.Notice {
		t.Helper()
		msg, err := sub.NextMsg(patience * 15 * time.Second)
		require.NoError(t, err, "no rejection was published")
		var n event.Notice
		require.NoError(t, json.Unmarshal(msg.Data, &n))
		return n
	}
}

// unserved is a service that is never deployed: these tests end before the cluster matters.
func unserved(t *testing.T, w *world) *service {
	s := &service{t: t, w: w}
	s.Client, s.Namespace, s.Name = w.client, namespaceOf(t), "checkout"
	return s
}

// TestMalformedEventIsRefusedWithAReason and the daemon goes on as if nothing had happened.
func TestMalformedEventIsRefusedWithAReason(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, nil)
	s := unserved(t, w)
	next := rejections(t, d, s)
	subject := event.Target{Environment: d.Environment, Namespace: s.Namespace, Workload: s.Name}.Subject()

	for _, c := range []struct {
		document string
		code     event.Code
		field    string
	}{
		{`{"version": `, event.CodeMalformed, ""},
		{`{"timestamp":"2026-11-22T10:00:00Z","environment":"production","namespace":"` + s.Namespace + `","workload":"checkout"}`, event.CodeMissing, "version"},
		{`{"timestamp":"yesterday","environment":"production","namespace":"` + s.Namespace + `","workload":"checkout","version":"v2"}`, event.CodeInvalid, "timestamp"},
	} {
		seq := publish(t, d, subject, []byte(c.document))
		n := next()
		require.Equal(t, c.code, n.Code, "%+v", n)
		require.Equal(t, c.field, n.Field)
		require.Equal(t, seq, n.StreamSeq)
		require.NotEmpty(t, n.Reason)
	}

	require.Empty(t, d.watches())
	d.awaitRejected(event.CodeMalformed, 1)
}

// TestEventForAnotherNamespaceIsRefused: the NATS permission on the subject is the authorisation, so the document may
// not speak of anything else.
func TestEventForAnotherNamespaceIsRefused(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, nil)
	s := unserved(t, w)
	next := rejections(t, d, s)

	e := s.announcement(d, "forged", "v2")
	subject := e.Target().Subject()
	e.Namespace = "kube-system"
	document, err := json.Marshal(e)
	require.NoError(t, err)
	publish(t, d, subject, document)

	n := next()
	require.Equal(t, event.CodeUnauthorised, n.Code)
	require.Equal(t, "namespace", n.Field)
	require.Empty(t, d.watches())
}

// TestPublisherMayOnlyPublishItsOwn: the embedded NATS enforces what the configuration says.
func TestPublisherMayOnlyPublishItsOwn(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, nil)
	nc := connect(t, d)
	for _, subject := range []string{
		"deployments.production.kube-system.coredns", "deployments.staging." + d.Namespace + ".checkout",
		"$JS.API.STREAM.DELETE.DEPLOYMENTS", "$KV.rollbackd-watches-e2e.x", "rollbackd.journal.e2e.x",
	} {
		require.NoError(t, nc.Publish(subject, []byte("{}")))
		require.NoError(t, nc.Flush())
		eventually(t, 5*time.Second, func() (bool, string) {
			err := nc.LastError()
			return err != nil && strings.Contains(strings.ToLower(err.Error()), strings.ToLower(subject)), "NATS let it publish on " + subject
		})
	}
	require.Empty(t, d.watches())
}

// TestDuplicateEventIsANoOp: the same event again, before and after its watch has ended, changes nothing.
func TestDuplicateEventIsANoOp(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, nil)
	s := newService(t, w)

	s.deploy("v2", sampleapp.FailingThird())
	e := s.announcement(d, "twice", "v2")
	document, err := json.Marshal(e)
	require.NoError(t, err)
	for range 3 {
		publish(t, d, e.Target().Subject(), document)
	}
	first := d.awaitState("twice", 90*time.Second, watch.RolledBack)
	publish(t, d, e.Target().Subject(), document)

	// An event that is handled after the duplicate shows that the duplicate was handled.
	other := s.announcement(d, "other", "v2")
	other.Workload = "absent"
	later, err := json.Marshal(other)
	require.NoError(t, err)
	publish(t, d, other.Target().Subject(), later)
	d.await("other", 15*time.Second, "known", func(watch.View) bool { return true })

	require.Len(t, d.watches(), 2)
	require.Equal(t, first.Since, d.awaitState("twice", time.Second, watch.RolledBack).Since)
	require.Len(t, s.rollbacks(), 1)
}
