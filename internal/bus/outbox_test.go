package bus

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestOutbox(t *testing.T) {
	ctx := t.Context()
	server := startServer(t)
	outbox := open(t, connect(t, server), Options{}).Outbox()
	left := func(o *Outbox) map[string]string {
		out := map[string]string{}
		require.NoError(t, o.All(ctx, func(id string, parcel []byte) error { out[id] = string(parcel); return nil }))
		return out
	}
	require.Empty(t, left(outbox))
	for _, id := range []string{"one", "two.2", "three"} {
		told, err := outbox.Told(ctx, id)
		require.NoError(t, err)
		require.False(t, told)
		require.NoError(t, outbox.Store(ctx, id, []byte("first")))
	}
	require.NoError(t, outbox.Store(ctx, "one", []byte("second")))
	require.NoError(t, outbox.Done(ctx, "two.2", nil))
	require.NoError(t, outbox.Done(ctx, "three", []byte("dead")))

	// Another process finds the same.
	next := open(t, connect(t, server), Options{}).Outbox()
	require.Equal(t, map[string]string{"one": "second"}, left(next))
	for id, want := range map[string]bool{"one": false, "two.2": true, "three": true} {
		told, err := next.Told(ctx, id)
		require.NoError(t, err)
		require.Equal(t, want, told, id)
	}
	require.NoError(t, next.Done(ctx, "another", nil), "what is not there is done too")
	dead, err := next.parcels.Get(ctx, deadPrefix+"three")
	require.NoError(t, err)
	require.Equal(t, "dead", string(dead.Value()))
	letters := func() map[string]string {
		out := map[string]string{}
		require.NoError(t, next.Dead(ctx, func(id string, parcel []byte) error { out[id] = string(parcel); return nil }))
		return out
	}
	require.Equal(t, map[string]string{"three": "dead"}, letters())
	require.NoError(t, next.Forget(ctx, "three"))
	require.Empty(t, letters())
}

func TestMemory(t *testing.T) {
	ctx := t.Context()
	server := startServer(t)
	memory := open(t, connect(t, server), Options{}).Memory()
	value, err := memory.Get(ctx, "slack/chat/incident-1")
	require.NoError(t, err)
	require.Nil(t, value)
	require.NoError(t, memory.Put(ctx, "slack/chat/incident-1", []byte("1700000000.1")))
	require.NoError(t, memory.Put(ctx, "slack/chat/incident-1", []byte("1700000000.2")))
	value, err = open(t, connect(t, server), Options{}).Memory().Get(ctx, "slack/chat/incident-1")
	require.NoError(t, err)
	require.Equal(t, "1700000000.2", string(value))
}

// A server that is gone is told so within the caller's time.
func TestOutboxWithoutAServer(t *testing.T) {
	server := startServer(t)
	outbox := open(t, connect(t, server), Options{}).Outbox()
	server.Shutdown()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err := outbox.Told(ctx, "one")
	require.Error(t, err)
	require.Less(t, time.Since(begin), 30*time.Second)
}
