package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// TestDeletedStoresAreMadeAgain: somebody deletes what watches, journals, names and rejections are kept in. The daemon
// makes it again within seconds, and events that come then are watched and refused as ever.
func TestDeletedStoresAreMadeAgain(t *testing.T) {
	w := onStack(t)
	n := newNATS(t)
	n.start()
	d := newDaemon(t, w, func(s *settings) { s.External = n.url })
	s := unserved(t, w)
	js := n.jetStream()
	for _, name := range []string{
		"KV_rollbackd-watches-" + d.Instance, "rollbackd-journal-" + d.Instance, "KV_rollbackd-names-" + d.Instance, "REJECTED",
	} {
		require.NoError(t, js.DeleteStream(t.Context(), name))
		eventually(t, 30*time.Second, func() (bool, string) {
			_, err := js.Stream(t.Context(), name)
			return err == nil, fmt.Sprint(name, " is not made again: ", err)
		})
	}
	d.awaitReady()
	publishUntilAcknowledged(t, js, s.announcement(d, "after", "v2"))
	d.await("after", 30*time.Second, "known", func(watch.View) bool { return true })
	late := s.announcement(d, "future", "v2")
	late.Timestamp = time.Now().Add(time.Hour)
	publishUntilAcknowledged(t, js, late)
	eventually(t, 30*time.Second, func() (bool, string) {
		stream, err := js.Stream(t.Context(), "REJECTED")
		return err == nil && stream.CachedInfo().State.Msgs == 1, fmt.Sprint("the rejection is not stored: ", err)
	})
}

// TestDeletedJournalRollsNothingBack: the breach of a bad release is held when its journal is deleted. What was seen is
// gone, so the watch ends and the release stays.
func TestDeletedJournalRollsNothingBack(t *testing.T) {
	w := onStack(t)
	n := newNATS(t)
	n.start()
	d := newDaemon(t, w, func(s *settings) { s.External, s.For = n.url, unhurried })
	s := newService(t, w)
	s.deploy("v2", sampleapp.FailingThird())
	s.announce(d, "forgotten", "v2")
	awaitHeld(d, "forgotten", 2)

	require.NoError(t, n.jetStream().DeleteStream(t.Context(), "rollbackd-journal-"+d.Instance))
	v := d.awaitState("forgotten", 45*time.Second, watch.Inconclusive)
	require.Contains(t, v.Reason, "its journal was lost")
	require.Empty(t, s.rollbacks())
	s.requireLive("v2")
	d.awaitReady()
}
