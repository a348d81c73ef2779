package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"

	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
	"github.com/rollbackd/rollbackd/rollback"
)

// TestSuspectedRolloutIsPaused: a rolling update that takes its time is paused while the release is suspected, and goes on
// whatever comes of that, unless somebody else paused it.
func TestSuspectedRolloutIsPaused(t *testing.T) {
	w := onStack(t)
	atOnce := func(s *settings) { s.Unannounced = "pauseAtSuspicion: true" }
	neverActing := func(s *settings) { // within the test
		atOnce(s)
		s.For, s.MinBreach, s.Active = 58*time.Second, 58*time.Second, 60*time.Second
	}

	t.Run("rolledback", func(t *testing.T) {
		t.Parallel()
		d, s := suspect(t, w, atOnce)
		v := d.awaitState("suspect", 90*time.Second, watch.RolledBack)
		requireIncidentSays(t, d, v, `Rollout to be paused until .* at the latest: `)
		live := s.deployment()
		require.False(t, live.Spec.Paused)
		require.NotContains(t, live.Annotations, rollback.PauseAnnotation)
		s.requireLive("v1")
		require.Len(t, s.rollbacks(), 2, "one patch pauses, one takes the release back and lets that roll out")
	})
	t.Run("fades", func(t *testing.T) {
		t.Parallel()
		_, s := suspect(t, w, neverActing)
		require.NoError(t, s.SetErrorRatio(t.Context(), "v2", 0))
		s.awaitPaused(30*time.Second, false)
		require.NotContains(t, s.deployment().Annotations, rollback.PauseAnnotation)
		s.hurry()
		require.NoError(t, s.AwaitRollout(t.Context()))
		s.requireLive("v2")
		require.Len(t, s.rollbacks(), 2, "it is paused once, whatever the new pods do")
	})
	t.Run("killed", func(t *testing.T) {
		t.Parallel()
		d, s := suspect(t, w, neverActing)
		d.kill()
		require.True(t, s.deployment().Spec.Paused)
		d.start(w)
		d.awaitReady()
		// Where the daemon was killed before it could write down what came of its pause, that may still land, and is waited for first.
		s.awaitPaused(2*time.Minute, false)
		require.NotContains(t, s.deployment().Annotations, rollback.PauseAnnotation)
	})
	t.Run("pausedagain", func(t *testing.T) {
		t.Parallel()
		d, s := suspect(t, w, neverActing)
		s.edit(func(live *appsv1.Deployment) { live.Spec.Paused = false })
		s.edit(func(live *appsv1.Deployment) { live.Spec.Paused = true })
		require.Contains(t, s.deployment().Annotations, rollback.PauseAnnotation, "nobody looks at annotations")
		require.NoError(t, s.SetErrorRatio(t.Context(), "v2", 0))
		d.awaitState("suspect", 90*time.Second, watch.Healthy)
		pause(t, 5*time.Second)
		require.True(t, s.deployment().Spec.Paused)
	})
	t.Run("pausedbyaperson", func(t *testing.T) {
		t.Parallel()
		d := newDaemon(t, w, atOnce)
		s := newService(t, w)
		patchMinReady(s)
		s.deploy("v2", sampleapp.FailingThird())
		s.awaitBegun("v2")
		s.edit(func(live *appsv1.Deployment) { live.Spec.Paused = true })
		s.announce(d, "suspect", "v2")
		v := d.awaitState("suspect", 90*time.Second, watch.Held)
		require.Contains(t, v.Reason, "is paused")
		pause(t, 3*time.Second)
		require.True(t, s.deployment().Spec.Paused)
		require.Empty(t, s.rollbacks())
	})
}

// suspect deploys a bad release whose rollout takes more than a minute, and returns when that is paused.
func suspect(t *testing.T, w *world, change func(*settings)) (*daemon, *service) {
	t.Helper()
	d := newDaemon(t, w, change)
	s := newService(t, w)
	patchMinReady(s)
	s.deploy("v2", sampleapp.FailingThird())
	s.announce(d, "suspect", "v2")
	s.awaitPaused(time.Minute, true)
	require.Contains(t, s.deployment().Annotations, rollback.PauseAnnotation)
	return d, s
}

func (s *service) awaitPaused(limit time.Duration, paused bool) {
	s.t.Helper()
	eventually(s.t, limit, func() (bool, string) {
		return s.deployment().Spec.Paused == paused, "spec.paused is not what it should be"
	})
}

// awaitBegun waits until the rollout of a version has begun.
func (s *service) awaitBegun(version string) {
	s.t.Helper()
	eventually(s.t, 30*time.Second, func() (bool, string) { return len(s.podsOf(version)) > 0, "no pod of " + version })
}

// hurry has the rollout take no longer than it must.
func (s *service) hurry() { s.edit(func(live *appsv1.Deployment) { live.Spec.MinReadySeconds = 0 }) }
