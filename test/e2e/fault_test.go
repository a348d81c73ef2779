package e2e

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// TestPrometheusOutageRollsNothingBack: a breach for a while, an outage of more than the time that the rule needs, and one more
// bad moment add up to nothing, because held time does not run while nobody is looking.
func TestPrometheusOutageRollsNothingBack(t *testing.T) {
	w := onStack(t)
	const outage = 30 * time.Second
	prometheus, err := w.stack.StartPrometheus(t.Context(), scrape)
	require.NoError(t, err)
	d := newDaemon(t, w, func(s *settings) {
		s.Prometheus, s.For, s.MinBreach, s.Active = prometheus.URL, 20*time.Second, 20*time.Second, 10*time.Minute
	})
	s := newService(t, w)

	s.deploy("v2", sampleapp.FailingThird())
	s.announce(d, "outage", "v2")
	held := awaitHeld(d, "outage", 8)

	require.NoError(t, w.stack.KillPrometheus(t.Context(), prometheus.ID))
	awaitUnready(t, d)
	pause(t, outage)
	back := time.Now()
	require.NoError(t, w.stack.RestartPrometheus(t.Context(), prometheus.ID))
	d.awaitReady()

	// Scraping has begun again and the release is still bad: one bad tick must be seen, and must start from nothing.
	again := d.await("outage", 40*time.Second, "measured after the outage", func(v watch.View) bool {
		return v.LastTick.After(held.LastTick.Add(outage)) && len(v.Signals) > 0 && v.Signals[0].Outcome == "breach"
	})
	require.LessOrEqual(t, again.Signals[0].Held, (again.LastTick.Sub(back) + 2*scrape).Seconds(), "what was held before the outage counts")
	require.NoError(t, s.SetErrorRatio(t.Context(), "v2", 0))

	d.awaitWell("outage", back)
	require.Empty(t, s.rollbacks())
	s.requireLive("v2")
}

func awaitUnready(t *testing.T, d *daemon) {
	t.Helper()
	eventually(t, 15*time.Second, func() (bool, string) {
		code, _, err := d.get("/-/ready")
		return err == nil && code == 503, "the daemon calls itself ready without Prometheus"
	})
}

// unhurried is for how long a breach must be held where a test does something in the middle of it: long enough to come in time, also on a
// busy machine. It is no longer than a release must be bad to be acted on anyway.
const unhurried = 15 * time.Second

// awaitHeld waits until the first signal has been in breach for so many seconds, and less than it takes to act.
func awaitHeld(d *daemon, id string, seconds float64) watch.View {
	d.t.Helper()
	v := d.await(id, 60*time.Second, "in breach", func(v watch.View) bool {
		return len(v.Signals) > 0 && v.Signals[0].Held >= seconds
	})
	require.Equal(d.t, watch.Watching, v.State)
	return v
}

// awaitWell waits until a release that is watched on is found to be healthy by a measurement of after a moment, and returns its watch.
func (d *daemon) awaitWell(id string, after time.Time) watch.View {
	d.t.Helper()
	return d.await(id, time.Minute, "well", func(v watch.View) bool {
		if v.State != watch.Pending {
			require.Equal(d.t, watch.Watching, v.State, v.Reason)
		}
		return v.Verdict == analyzer.Healthy && v.LastTick.After(after)
	})
}

// pause lets time pass where the passing of time itself is what is tested.
func pause(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}

// TestKilledDaemonGoesOnWithTheSameWatch: SIGKILL in mid-watch loses nothing and doubles nothing.
func TestKilledDaemonGoesOnWithTheSameWatch(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, func(s *settings) { s.For = unhurried })
	s := newService(t, w)

	s.deploy("v2", sampleapp.FailingThird())
	s.announce(d, "survivor", "v2")
	before := awaitHeld(d, "survivor", 5)
	d.kill()
	d.start(w)
	d.awaitReady()
	after := d.awaitState("survivor", 60*time.Second, watch.RolledBack)

	require.Equal(t, before.ID, after.ID)
	require.Equal(t, before.AcceptedAt, after.AcceptedAt)
	require.Equal(t, before.T0, after.T0)
	require.Len(t, d.watches(), 1)
	require.Len(t, s.rollbacks(), 1)
	s.requireLive("v1")
	requireTimelineOf(t, d, after, "Error rate spike detected")
}

// TestFixShippedMeanwhileIsLeftAlone: the breach is being judged when a fix is deployed. The fix is not touched.
func TestFixShippedMeanwhileIsLeftAlone(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, func(s *settings) { s.For, s.MinBreach = 30*time.Second, 30*time.Second })
	s := newService(t, w)

	s.deploy("v2", sampleapp.FailingThird())
	s.announce(d, "broken", "v2")
	awaitHeld(d, "broken", 4)
	s.deploy("v3", sampleapp.Behaviour{})
	s.announce(d, "fix", "v3")

	d.awaitState("broken", 30*time.Second, watch.Superseded)
	d.awaitWell("fix", time.Now())
	require.Empty(t, s.rollbacks())
	s.requireLive("v3")
}

// TestTwoInstancesShareOneNATS: each gets all events of its own environments and none of the other's.
func TestTwoInstancesShareOneNATS(t *testing.T) {
	w := onStack(t)
	run := strconv.FormatInt(time.Now().Unix(), 36) // a stack that is kept up remembers earlier runs
	staging := newDaemon(t, w, func(s *settings) {
		s.Instance, s.Environment, s.External = "staging-"+run, "staging-"+run, w.stack.NATS
	})
	production := newDaemon(t, w, func(s *settings) {
		s.Instance, s.Environment, s.External = "production-"+run, "production-"+run, w.stack.NATS
	})
	s := unserved(t, w)

	for _, id := range []string{"one", "two", "three"} {
		s.announce(staging, "staging-"+id, "v2")
		s.announce(production, "production-"+id, "v2")
	}
	requireOnly := func(d *daemon, prefix string) {
		for _, id := range []string{"one", "two", "three"} {
			d.await(prefix+id, 15*time.Second, "known", func(watch.View) bool { return true })
		}
		require.Len(t, d.watches(), 3)
	}
	requireOnly(staging, "staging-")
	requireOnly(production, "production-")
}

// TestUnknownWorkloadEndsInconclusive: the API server's 404 is final after a minute, and the publisher is told.
func TestUnknownWorkloadEndsInconclusive(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, func(s *settings) { s.SettleFor = 90 * time.Second })
	s := unserved(t, w)
	next := rejections(t, d, s)

	s.announce(d, "nowhere", "v2")
	v := d.awaitState("nowhere", 100*time.Second, watch.Inconclusive)
	require.Contains(t, v.Reason, "no Deployment")
	require.EqualValues(t, "unknown-workload", next().Code)
}

// TestVersionThatNeverComesEndsInconclusive: the cluster shows another version than the event announced.
func TestVersionThatNeverComesEndsInconclusive(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, func(s *settings) { s.SettleFor = 10 * time.Second })
	s := newService(t, w)

	s.announce(d, "elsewhere", "v9")
	v := d.awaitState("elsewhere", 40*time.Second, watch.Inconclusive)
	require.Contains(t, v.Reason, "v1", "the reason says what is live instead")
	require.Empty(t, s.rollbacks())
}
