package chaos

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
	"github.com/rollbackd/rollbackd/rollback"
)

const (
	apiTable        = "Faults of the API server, while a breach is held"
	prometheusTable = "Faults of Prometheus, while a breach is held"
	natsTable       = "Faults of NATS and of the disk, while a breach is held"
)

// faulty is a bad release, in breach, whose daemon is about to lose something.
type faulty struct {
	*app
	daemon *daemon
	row    *row
	began  time.Time
}

func newFaulty(t *testing.T, w *world, table, what string, change func(*settings)) *faulty {
	t.Helper()
	f := &faulty{row: &row{table: table, what: what, faults: 1, bad: true, due: true, failed: true, by: "the daemon"}}
	t.Cleanup(func() { w.tables.add(*f.row) })
	f.app, f.daemon = newApp(t, w, undo), newDaemon(t, w, change)
	f.daemon.start("")
	f.deployBad()
	f.daemon.publish(f.event("bad", "v2"))
	f.daemon.awaitHeld("bad")
	f.began = time.Now()
	return f
}

// during lets the fault last and requires that nothing is rolled back meanwhile.
func (f *faulty) during(d time.Duration) {
	f.t.Helper()
	pause(f.t, d)
	require.Empty(f.t, f.patches(), "rolled back during the fault")
}

// recovers requires that the daemon ends the watch by itself, with so many patches.
func (f *faulty) recovers(state watch.State, patches int) {
	f.t.Helper()
	v := f.daemon.awaitEnd("bad", 3*time.Minute)
	f.row.state, f.row.took, f.row.patches = string(v.State), time.Since(f.began), len(f.patches())
	if patches == 0 {
		f.row.by = "-"
	}
	require.Equal(f.t, state, v.State, v.Reason)
	require.Len(f.t, f.patches(), patches)
	require.Equal(f.t, patches == 1, f.restored())
	f.row.failed = false
}

// TestFaultsOfTheAPIServer: whatever the API server answers, or does not, the release is rolled back once it is there again.
// A refusal for good is no fault to wait for: it ends the watch as failed, which pages.
func TestFaultsOfTheAPIServer(t *testing.T) {
	w := onStack(t)
	onlyWhole(t)
	for _, c := range []struct {
		name    string
		fault   func(http.ResponseWriter, *http.Request) bool
		state   watch.State
		patches int
	}{
		{"gone", hangUp, watch.RolledBack, 1},
		{"10 s a call", slow(10 * time.Second), watch.RolledBack, 1},
		{"409 to every patch", answering(http.MethodPatch, http.StatusConflict), watch.RolledBack, 1},
		{"429 to every call", answering("", http.StatusTooManyRequests), watch.RolledBack, 1},
		{"500 to every call", answering("", http.StatusInternalServerError), watch.RolledBack, 1},
		{"401 to every call", answering("", http.StatusUnauthorized), watch.RolledBack, 1},
		{"403 to every patch", answering(http.MethodPatch, http.StatusForbidden), watch.Failed, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, kubeconfig := newAPIProxy(t, w)
			f := newFaulty(t, w, apiTable, c.name, func(s *settings) { s.Kubeconfig = kubeconfig })
			f.row.due = c.patches > 0
			p.fail(c.fault)
			f.during(25 * time.Second) // the breach is proven after 15 s
			p.fail(nil)
			f.recovers(c.state, c.patches)
		})
	}
}

// TestFaultsOfPrometheus: no answer, or one that means nothing, is no breach and no recovery.
func TestFaultsOfPrometheus(t *testing.T) {
	w := onStack(t)
	onlyWhole(t)
	for name, fault := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"hung":          hang,
		"HTTP 500":      saying(http.StatusInternalServerError, `{"status":"error","errorType":"internal","error":"on purpose"}`),
		"garbage":       saying(http.StatusOK, "<html>Sign in</html>"),
		"empty":         saying(http.StatusOK, `{"status":"success","data":{"resultType":"matrix","result":[]}}`),
		"with warnings": saying(http.StatusOK, `{"status":"success","data":{"resultType":"matrix","result":[]},"warnings":["a store is away"]}`),
		"cut off":       saying(http.StatusOK, `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"val`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProxy(t, w.stack.Prometheus, nil, "")
			f := newFaulty(t, w, prometheusTable, name, func(s *settings) { s.Prometheus = p.url })
			p.fail(fault)
			f.during(25 * time.Second)
			require.NotZero(t, p.failures(), "nobody asked")
			p.fail(nil)
			f.recovers(watch.RolledBack, 1)
		})
	}
}

// TestNATSIsCutOff: what cannot be recorded is not done; it is done when it can.
func TestNATSIsCutOff(t *testing.T) {
	w := onStack(t)
	onlyWhole(t)
	n := newNATS(t)
	line := newWire(t, n.address)
	f := newFaulty(t, w, natsTable, "NATS partitioned for 25 s", func(s *settings) { s.External = "nats://" + line.address })
	line.part()
	f.during(25 * time.Second)
	line.heal()
	f.recovers(watch.RolledBack, 1)
	require.Equal(t, rollback.Landed, f.requireRecord(f.daemon, f.daemon.awaitEnd("bad", time.Second)).outcome)
}

// TestNATSIsWiped: the store is emptied under the daemon, or while it is dead. What was seen is gone, so nothing is rolled back
// on it, and one page tells of the watch that is lost; what is deployed later is watched as ever.
func TestNATSIsWiped(t *testing.T) {
	w := onStack(t)
	onlyWhole(t)
	for what, dead := range map[string]bool{"NATS wiped": false, "NATS wiped while the daemon was dead": true} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			n := newNATS(t)
			f := newFaulty(t, w, natsTable, what, func(s *settings) { s.External = "nats://" + n.address })
			f.row.due, f.row.by = false, "-"
			f.awaitMarked(f.daemon)
			if dead {
				f.daemon.kill()
			}
			n.wipe()
			if dead {
				f.daemon.start("")
			}
			f.during(40 * time.Second)
			f.lost(dead)

			f.deploy("v3", sampleapp.Behaviour{})
			f.daemon.publish(f.event("later", "v3"))
			v := f.daemon.await("later", time.Minute, "being judged", func(v watch.View) bool { return len(v.Signals) > 0 && v.Signals[0].Outcome == "ok" })
			require.Equal(t, watch.Watching, v.State)
			require.Empty(t, f.patches())
			f.row.state, f.row.took = f.row.state+", paged; v3: "+string(v.State), time.Since(f.began)
			f.row.failed = false
		})
	}
}

// lost requires that people are told, once, that the watch is lost: by a daemon that still knew it, or by one that found its mark.
func (f *faulty) lost(dead bool) {
	f.t.Helper()
	if dead {
		f.row.state = "lost"
	} else {
		v := f.daemon.awaitEnd("bad", 20*time.Second)
		require.Equal(f.t, watch.Inconclusive, v.State, v.Reason)
		f.row.state = string(v.State)
	}
	eventually(f.t, 40*time.Second, func() (bool, string) {
		n := f.daemon.notices("its watch is lost")
		return n == 1, fmt.Sprintf("%d pages tell of the watch that is lost", n)
	})
	eventually(f.t, 60*time.Second, func() (bool, string) {
		code, body, err := f.daemon.get("/-/ready")
		return err == nil && code == http.StatusOK, "the daemon is not ready again: " + body
	})
}

// awaitMarked waits until the workload carries the mark of its watch.
func (a *app) awaitMarked(d *daemon) {
	a.t.Helper()
	eventually(a.t, 20*time.Second, func() (bool, string) {
		live, err := a.Client.AppsV1().Deployments(a.Namespace).Get(a.t.Context(), a.Name, metav1.GetOptions{})
		return err == nil && live.Annotations["rollbackd.io/watch."+d.Instance] != "", fmt.Sprint("the workload has no mark ", err)
	})
}
