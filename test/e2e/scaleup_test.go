package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/rollbackd/rollbackd/internal/localstack"
	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// TestOldColourIsScaledUpBeforeTheSwitchBack: a deploy tool scales the old colour down a moment after it has switched. The
// release turns out bad, and there is something to go back to all the same.
func TestOldColourIsScaledUpBeforeTheSwitchBack(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, func(s *settings) { s.For = unhurried })
	p := newPair(t, w)
	p.deployGreen("v2", sampleapp.FailingThird())
	p.announce(d, p.announcement(d, "scaled", "v2"))
	d.awaitState("scaled", 30*time.Second, watch.Watching)
	blue := p.Side(sampleapp.Blue).Workload()
	_, err := w.client.AppsV1().Deployments(p.Namespace).Patch(t.Context(), blue, types.MergePatchType,
		[]byte(`{"spec":{"replicas":0}}`), metav1.PatchOptions{FieldManager: "deploy-tool"})
	require.NoError(t, err)

	d.awaitState("scaled", 120*time.Second, watch.RolledBack)
	p.requireColour(sampleapp.Blue)
	require.Len(t, p.switches(), 1)
	scaled, err := w.client.AppsV1().Deployments(p.Namespace).Get(t.Context(), blue, metav1.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, int32(3), *scaled.Spec.Replicas, "as many as it had when the deployment was pinned")
	patches, err := w.stack.Audit(t.Context(), localstack.AuditQuery{
		Verb: "patch", Resource: "deployments", Namespace: p.Namespace, Name: blue, User: daemonUser(p.Namespace)})
	require.NoError(t, err)
	require.Len(t, landed(patches), 1)
}
