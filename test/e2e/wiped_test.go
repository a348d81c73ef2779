package e2e

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// markOf is what the API server shows of the daemon's mark on the service.
func (s *service) markOf(d *daemon) string {
	s.t.Helper()
	live, err := s.Client.AppsV1().Deployments(s.Namespace).Get(s.t.Context(), s.Name, metav1.GetOptions{})
	require.NoError(s.t, err)
	return live.Annotations["rollbackd.io/watch."+d.Instance]
}

func (s *service) awaitMark(d *daemon, limit time.Duration, marked bool) {
	s.t.Helper()
	eventually(s.t, limit, func() (bool, string) { m := s.markOf(d); return (m != "") == marked, "the mark is " + m })
}

// wipe deletes everything that NATS has stored, as a lost volume does.
func (n *natsServer) wipe() {
	n.t.Helper()
	n.stop()
	require.NoError(n.t, os.RemoveAll(n.options.StoreDir))
	n.start()
}

// TestWipedStorage: NATS loses everything while a bad release is about to be rolled back, whether the daemon runs through
// that or starts afterwards. Nothing is rolled back, one page tells of the watch that is lost, and later events work.
func TestWipedStorage(t *testing.T) {
	w := onStack(t)
	for name, restarted := range map[string]bool{"running": false, "restarted": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNATS(t)
			n.start()
			d := newDaemon(t, w, func(s *settings) { s.External, s.For = n.url, unhurried })
			s := newService(t, w)
			s.deploy("v2", sampleapp.FailingThird())
			s.announce(d, "lost", "v2")
			opened := awaitHeld(d, "lost", 2)
			s.awaitMark(d, 30*time.Second, true)
			require.Contains(t, s.markOf(d), opened.ID)

			if restarted {
				d.kill()
			}
			n.wipe()
			if restarted {
				d.start(w)
				d.awaitReady()
				d.awaitLostPage()
				require.Empty(t, d.watches(), "what is lost is not known")
			} else {
				v := d.awaitState("lost", 60*time.Second, watch.Inconclusive)
				require.Contains(t, v.Reason, "its journal was lost")
				d.awaitReady()
				d.awaitLostPage()
			}
			s.awaitMark(d, 30*time.Second, false)
			require.Equal(t, 1, d.lostPages())
			require.Empty(t, s.rollbacks())
			s.requireLive("v2")

			publishUntilAcknowledged(t, n.jetStream(), s.announcement(d, "again", "v2"))
			d.await("again", 30*time.Second, "watched", func(v watch.View) bool { return v.State != watch.Pending })
			s.awaitMark(d, 30*time.Second, true)
			d.awaitState("again", 90*time.Second, watch.RolledBack)
			s.awaitMark(d, 30*time.Second, false)
			require.Len(t, s.rollbacks(), 1)
			require.Equal(t, 1, d.lostPages())
		})
	}
}

// awaitLostPage waits until people have been told of the watch that is lost, which a daemon does that has looked for it in vain for half a minute.
func (d *daemon) awaitLostPage() {
	d.t.Helper()
	eventually(d.t, time.Minute, func() (bool, string) { return d.lostPages() > 0, "nobody is told of the watch that is lost" })
}

// lostPages is how many pages have told of lost watches.
func (d *daemon) lostPages() int { return d.counts("its watch is lost") }

// counts is how many notices have a title with that text.
func (d *daemon) counts(title string) int {
	n := 0
	for line := range strings.Lines(d.logged()) {
		var notice struct{ Logger, Title string }
		if json.Unmarshal([]byte(line), &notice) == nil && notice.Logger == "notice" && strings.Contains(notice.Title, title) {
			n++
		}
	}
	return n
}
