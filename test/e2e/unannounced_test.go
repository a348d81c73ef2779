package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// patch changes the Deployment as somebody with kubectl would.
func (s *service) patch(body string) {
	s.t.Helper()
	_, err := s.Client.AppsV1().Deployments(s.Namespace).Patch(s.t.Context(), s.Name, types.StrategicMergePatchType, []byte(body), metav1.PatchOptions{})
	require.NoError(s.t, err)
}

// TestUnannouncedDeploymentIsRolledBack: nobody publishes an event for the bad release. A restart, a label, scaling and the
// rollback itself are no deployments, and neither is anything in a namespace that the policy does not name.
func TestUnannouncedDeploymentIsRolledBack(t *testing.T) {
	w := onStack(t)
	const within = 6 * time.Second
	s := newService(t, w)
	d := newDaemon(t, w, func(c *settings) {
		c.Unannounced = fmt.Sprintf("watchUnannounced: true\n  announceWithin: %s\n  match: [{namespace: %s}]", within, c.Namespace)
	})
	s.patch(`{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"2026-11-22T10:00:00Z"}}}}}`)
	require.NoError(t, s.AwaitRollout(t.Context()))
	s.patch(`{"metadata":{"labels":{"team":"pay"}},"spec":{"template":{"metadata":{"labels":{"team":"pay"}}}}}`)
	s.patch(`{"spec":{"replicas":4}}`)
	s.Replicas = 4
	require.NoError(t, s.AwaitRollout(t.Context()))
	s.awaitServed(8 * time.Second)
	pause(t, within+2*time.Second)
	require.Empty(t, d.watches(), "none of this was a deployment")

	deployed := time.Now()
	s.deploy("v2", sampleapp.FailingThird())
	var id string
	eventually(t, within+45*time.Second, func() (bool, string) {
		for _, v := range d.watches() {
			id = v.EventID
			return v.Unannounced, "the watch of " + id + " was announced"
		}
		return false, "the deployment that nobody announced is not watched"
	})
	v := d.awaitState(id, 90*time.Second, watch.RolledBack)
	t.Logf("watched %s after the deployment, rolled back after %s", v.AcceptedAt.Sub(deployed).Round(100*time.Millisecond), v.LandedAt.Sub(deployed).Round(100*time.Millisecond))
	require.GreaterOrEqual(t, v.AcceptedAt.Sub(deployed), within-time.Second)
	require.Len(t, s.rollbacks(), 1)
	s.requireLive("v1")
	requireTimelineOf(t, d, v, "Error rate spike detected")
	timeline, err := os.ReadFile(filepath.Join(d.Dir, "artifacts", "integration", v.Incident, "timeline.md"))
	require.NoError(t, err)
	require.Contains(t, string(timeline), "announced by nobody")

	s.deploy("v3", sampleapp.Behaviour{})
	s.announce(d, "announced", "v3")
	d.awaitState("announced", 30*time.Second, watch.Watching)
	pause(t, within+2*time.Second)
	require.Len(t, d.watches(), 2, "neither the rollback nor what was announced is watched again")
}

// TestUnwatchedChangeIsTold: a release that is being watched is replaced, and no event tells of that.
func TestUnwatchedChangeIsTold(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, func(c *settings) { c.Unannounced = "announceWithin: 4s" })
	s := newService(t, w)
	s.deploy("v2", sampleapp.Behaviour{})
	s.announce(d, "replaced", "v2")
	d.awaitState("replaced", 30*time.Second, watch.Watching)
	s.deploy("v3", sampleapp.Behaviour{})
	d.awaitState("replaced", 30*time.Second, watch.Superseded)
	eventually(t, 30*time.Second, func() (bool, string) {
		return d.counts("unwatched change of "+s.Namespace+"/"+s.Name) == 1, "nobody is told of the unwatched change"
	})
}
