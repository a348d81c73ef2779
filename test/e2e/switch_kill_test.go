package e2e

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// killedBeforeTheSwitchBack announces a bad switch and kills the daemon once the switch back is journalled and before its
// patch has reached the API server, which is open again afterwards.
func killedBeforeTheSwitchBack(t *testing.T, w *world) (*daemon, *pair) {
	t.Helper()
	proxy := newAPIProxy(t, w)
	d := newDaemon(t, w, func(s *settings) { s.Kubeconfig, s.For = proxy.kubeconfig, unhurried })
	p := newPair(t, w)
	p.deployGreen("v2", sampleapp.FailingThird())
	p.announce(d, p.announcement(d, "killed", "v2"))
	awaitHeld(d, "killed", 2)
	h := proxy.holdUp(http.MethodPatch, "/services/"+p.Name, false)
	h.await(t, time.Minute)
	d.kill()
	proxy.pass()
	return d, p
}

// TestKilledWhileTheOldColourWasTakenAway: while the daemon is down somebody scales the old colour to nothing, or rolls
// another version into it. The release is still bad, but switching to a colour without a ready pod would take the service
// down altogether, and one that nobody knows is no known-good version.
func TestKilledWhileTheOldColourWasTakenAway(t *testing.T) {
	w := onStack(t)
	for name, change := range map[string]string{
		"scaled":  `{"spec":{"replicas":0}}`,
		"changed": `{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"registry.example/checkout:v0"}]}}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, p := killedBeforeTheSwitchBack(t, w)
			deployments, blue := w.client.AppsV1().Deployments(p.Namespace), p.Side(sampleapp.Blue).Workload()
			_, err := deployments.Patch(t.Context(), blue, types.StrategicMergePatchType, []byte(change), metav1.PatchOptions{})
			require.NoError(t, err)
			eventually(t, time.Minute, func() (bool, string) {
				d, err := deployments.Get(t.Context(), blue, metav1.GetOptions{})
				return err == nil && d.Status.ObservedGeneration == d.Generation && d.Status.ReadyReplicas == *d.Spec.Replicas,
					fmt.Sprint("the change of ", blue, " has not arrived: ", err)
			})
			d.start(w)
			d.awaitReady()

			v := d.awaitState("killed", 90*time.Second, watch.Held)
			require.Contains(t, v.Reason, "not rolled back")
			require.Empty(t, p.switches(), "it was switched back to a colour that was not there any more")
			p.requireColour(sampleapp.Green)
		})
	}
}

// TestKilledAndRecoveredBeforeTheSwitchBack: the release is well again when the daemon comes back, which it does while an
// intent of its own would still be trusted. An intent of the process before is no reason to act.
func TestKilledAndRecoveredBeforeTheSwitchBack(t *testing.T) {
	w := onStack(t)
	d, p := killedBeforeTheSwitchBack(t, w)
	require.NoError(t, p.Side(sampleapp.Green).SetErrorRatio(t.Context(), "v2", 0))
	pause(t, 18*time.Second) // until no window that is judged reaches back to the errors
	d.start(w)
	d.awaitReady()

	v := d.awaitState("killed", 90*time.Second, watch.Held)
	require.Contains(t, v.Reason, "the breach was over")
	require.Empty(t, p.switches())
	p.requireColour(sampleapp.Green)
}
