package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// TestARestartDoesNotHideABadRelease: after kubectl rollout restart the pods of a release have other names. They are watched
// on, and what they show counts.
func TestARestartDoesNotHideABadRelease(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, nil)
	s := newService(t, w)

	s.deploy("v2", sampleapp.Behaviour{})
	s.announce(d, "bad", "v2")
	d.awaitState("bad", 30*time.Second, watch.Watching)
	require.NoError(t, s.AwaitRollout(t.Context()))
	s.restart(sampleapp.FailingThird())
	d.awaitState("bad", 90*time.Second, watch.RolledBack)
	s.requireLive("v1")
	require.Len(t, s.rollbacks(), 1)
}

// restart does what kubectl rollout restart does, and has the new pods behave in some way.
func (s *service) restart(b sampleapp.Behaviour) {
	s.t.Helper()
	patch := fmt.Sprintf(`{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":%q,"sim.rollbackd.dev/error-ratio":%q}}}}}`,
		time.Now().UTC().Format(time.RFC3339), fmt.Sprint(b.ErrorRatio))
	_, err := s.w.client.AppsV1().Deployments(s.Namespace).Patch(s.t.Context(), s.Name, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{})
	require.NoError(s.t, err)
}
