package bus

import (
	"errors"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// madeAgain waits until a stream that was deleted is there, and the bus calls itself ready.
func madeAgain(t *testing.T, bus *Bus, name string) {
	t.Helper()
	eventually(t, func() error {
		_, err := bus.js.Stream(t.Context(), name)
		return err
	})
	eventually(t, bus.Ready)
}

// TestDeletedStoresAreMadeAgain: nothing is consumed from these streams, so no lost consumer tells that they are gone.
func TestDeletedStoresAreMadeAgain(t *testing.T) {
	t.Parallel()
	bus := openNew(t, Options{})
	var got inbox
	consume(t, bus, got.handle)
	for _, name := range []string{
		journalStream("main"), "KV_" + watchesBucket("main"), "KV_" + namesBucket("main"), RejectedStream,
	} {
		require.NoError(t, bus.js.DeleteStream(t.Context(), name))
	}
	for _, name := range []string{
		journalStream("main"), "KV_" + watchesBucket("main"), "KV_" + namesBucket("main"), RejectedStream,
	} {
		madeAgain(t, bus, name)
	}
	_, err := bus.Watches().Create(t.Context(), watchKey, []byte("one"))
	require.NoError(t, err)
	_, err = bus.Journal().Append(t.Context(), watchKey, "id", []byte("one"), 0)
	require.NoError(t, err)
	_, err = bus.Names().Claim(t.Context(), "incident-1", "a")
	require.NoError(t, err)
}

// TestMissingStoreIsNotReady: while a store cannot be made again, the daemon must not pass for healthy, and the other
// stores are made again all the same.
func TestMissingStoreIsNotReady(t *testing.T) {
	t.Parallel()
	bus := openNew(t, Options{})
	var got inbox
	consume(t, bus, got.handle)
	// A stream of another's that holds the subjects keeps the bus from making its own again, if it comes before the bus looks.
	eventually(t, func() error {
		if err := bus.js.DeleteStream(t.Context(), journalStream("main")); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
			return err
		}
		_, err := bus.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "USURPER", Subjects: []string{journalSubject("main") + ".>"}})
		return err
	})
	require.NoError(t, bus.js.DeleteStream(t.Context(), "KV_"+namesBucket("main")))
	eventually(t, func() error {
		if bus.Ready() == nil {
			return errors.New("still ready")
		}
		return nil
	})
	require.ErrorContains(t, bus.Ready(), journalStream("main"))
	eventually(t, func() error {
		_, err := bus.js.Stream(t.Context(), "KV_"+namesBucket("main"))
		return err
	})
	require.NoError(t, bus.js.DeleteStream(t.Context(), "USURPER"))
	madeAgain(t, bus, journalStream("main"))
}
