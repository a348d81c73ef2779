package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// rolloutHealth is the signal with its windows shortened.
const rolloutHealth = `
  - {name: rollout, kind: rollout, failing: 4s, notReady: 8s, for: 6s}
`

// TestReleaseThatNeverServesIsRolledBackOnce: a rolling update that is stuck keeps the old pods serving, so that no request
// fails. It is undone all the same, and the record says in words what was the matter.
func TestReleaseThatNeverServesIsRolledBackOnce(t *testing.T) {
	w := onStack(t)
	for _, c := range []struct{ name, version, reason, guess string }{
		{"crash", "v2-crash", `\*\*In short:\*\* .* 1 of 1 pods crash \(CrashLoopBackOff, \d+ restarts\) for `, "the release's containers crash"},
		{"pull", "v2-pullfail", `\*\*In short:\*\* .* 1 of 1 pods cannot pull their image for `, "an image of the release cannot be pulled"},
		{"unready", "v2-notready", `\*\*In short:\*\* .* 1 of 1 pods are not ready for `, ""},
		{"silent", "v2-nometrics", `\*\*In short:\*\* .* the release has reported nothing for `, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDaemon(t, w, func(s *settings) { s.Signals = rolloutHealth })
			s := newService(t, w)

			if c.name == "silent" {
				patchMinReady(s) // the rollout takes longer, so that the old version serves beside pods that are ready
			}
			s.deploy(c.version, sampleapp.Behaviour{})
			s.announce(d, c.name, c.version)
			v := d.awaitState(c.name, 90*time.Second, watch.RolledBack)
			requireIncidentSays(t, d, v, c.reason)
			requireIncidentSays(t, d, v, `\*\*First guess \(by rules, not proven\):\*\* `+c.guess)

			s.requireLive("v1")
			require.Len(t, s.rollbacks(), 1)
		})
	}
}

// TestSlowStartIsLeftAlone: pods that are not ready for a while, and of which nothing is heard meanwhile, are starting.
func TestSlowStartIsLeftAlone(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, func(s *settings) {
		s.Signals = strings.ReplaceAll(rolloutHealth, "notReady: 8s", "notReady: 40s")
		s.Active = 35 * time.Second
	})
	s := newService(t, w)

	s.deploy("v2", sampleapp.Behaviour{Settings: map[string]string{"ready": "off", "metrics": "off"}})
	s.announce(d, "slow", "v2")
	d.await("slow", time.Minute, "not ready for 10 s", func(v watch.View) bool {
		return len(v.Signals) == 3 && v.Signals[2].Pods != "" && v.Signals[2].Held >= 10
	})
	eventually(t, 30*time.Second, func() (bool, string) { // the pods come one after another
		require.NoError(t, s.Set(t.Context(), "v2", "metrics", "on"))
		require.NoError(t, s.Set(t.Context(), "v2", "ready", "on"))
		pods := s.podsOf("v2")
		return len(pods) == 3 && !slices.ContainsFunc(pods, func(p corev1.Pod) bool { return !isReady(p.Status) }), "not all pods are ready"
	})
	d.awaitState("slow", 90*time.Second, watch.Healthy)

	s.requireLive("v2")
	require.Empty(t, s.rollbacks())
}

// patchMinReady keeps the rollout from going on for a while after a pod is ready.
func patchMinReady(s *service) {
	s.t.Helper()
	s.edit(func(live *appsv1.Deployment) { live.Spec.MinReadySeconds = 25 })
}

// requireIncidentSays reads what a person reads first.
func requireIncidentSays(t *testing.T, d *daemon, v watch.View, reason string) {
	t.Helper()
	path := filepath.Join(d.Dir, "artifacts", "integration", v.Incident, "timeline.md")
	eventually(t, 30*time.Second, func() (bool, string) {
		text, err := os.ReadFile(path)
		return err == nil && regexp.MustCompile(reason).Match(text), "the timeline does not say " + reason + ":\n" + string(text)
	})
}
