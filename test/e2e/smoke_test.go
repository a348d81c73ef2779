package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// site is what the smoke tests ask: it serves every version, until one is broken.
type site struct {
	*httptest.Server
	broken atomic.Value
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{}
	s.broken.Store("")
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/"+s.broken.Load().(string) {
			http.Error(w, "cannot check out", http.StatusInternalServerError)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// smokeTest is a signal that asks the site for the version, with short windows.
func (s *site) smokeTest() string {
	return fmt.Sprintf("\n  - {name: smoke, kind: smoke, every: 1s, attempts: 1, failures: 3, http: [{url: \"%s/{version}\", timeout: 5s}]}\n", s.URL)
}

// TestFailedSmokeTestIsRolledBackOnce: no metric shows what users meet, but the smoke test does. It passes for a while, fails
// for long enough, and passes with the version that is put back.
func TestFailedSmokeTestIsRolledBackOnce(t *testing.T) {
	w := onStack(t)
	at := newSite(t)
	d := newDaemon(t, w, func(s *settings) { s.Signals = at.smokeTest() })
	s := newService(t, w)

	s.deploy("v2", sampleapp.Behaviour{})
	s.announce(d, "smoke", "v2")
	d.await("smoke", 60*time.Second, "well by its smoke test", func(v watch.View) bool {
		return len(v.Signals) == 3 && v.Signals[2].Verdict == "HEALTHY"
	})
	at.broken.Store("v2")
	v := d.awaitState("smoke", 90*time.Second, watch.RolledBack)

	requireIncidentSays(t, d, v, `\*\*In short:\*\* .* 1 of 1 checks failed in \d+ rounds in a row: GET .*/v2: status 500, want 200`)
	s.requireLive("v1")
	require.Len(t, s.rollbacks(), 1)
}

// TestSmokeTestThatNeverPassedIsLeftToAPerson: what has never been seen to succeed may be wrong itself.
func TestSmokeTestThatNeverPassedIsLeftToAPerson(t *testing.T) {
	w := onStack(t)
	at := newSite(t)
	at.broken.Store("v2")
	d := newDaemon(t, w, func(s *settings) { s.Signals = at.smokeTest() })
	s := newService(t, w)

	s.deploy("v2", sampleapp.Behaviour{})
	require.NoError(t, s.AwaitRollout(t.Context())) // so that no round is of before the release
	s.announce(d, "wrong", "v2")
	v := d.awaitState("wrong", 90*time.Second, watch.AwaitingApproval)

	require.Contains(t, v.Reason, "a person must decide")
	s.requireLive("v2")
	require.Empty(t, s.rollbacks())
}
