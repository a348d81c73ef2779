package chaos

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/rollback"
)

// The tests of this file hold what rollback/apply.go believes about JSON patches against the real API server.

type patched struct {
	sampleapp.App
	t *testing.T
}

func newPatched(t *testing.T, w *world) patched {
	t.Helper()
	p := patched{t: t, App: sampleapp.App{Client: w.client, Namespace: namespaceOf(t), Name: "checkout", Replicas: 1}}
	require.NoError(t, p.Create(t.Context(), "v1", sampleapp.Behaviour{}))
	return p
}

func (p patched) deployment(patch string) error {
	_, err := p.Client.AppsV1().Deployments(p.Namespace).Patch(p.t.Context(), p.Name, types.JSONPatchType, []byte(patch), metav1.PatchOptions{})
	return err
}

func (p patched) service(patch string) error {
	_, err := p.Client.CoreV1().Services(p.Namespace).Patch(p.t.Context(), p.Name, types.JSONPatchType, []byte(patch), metav1.PatchOptions{})
	return err
}

func requireCode(t *testing.T, err error, code int) {
	t.Helper()
	status, ok := err.(apierrors.APIStatus)
	require.True(t, ok, "%v", err)
	require.EqualValues(t, code, status.Status().Code, "%v", err)
}

func TestFailedTestAnswers422(t *testing.T) {
	p := newPatched(t, onStack(t))
	requireCode(t, p.deployment(`[{"op":"test","path":"/metadata/uid","value":"another"}]`), http.StatusUnprocessableEntity)
	requireCode(t, p.service(`[{"op":"test","path":"/metadata/resourceVersion","value":"1"}]`), http.StatusUnprocessableEntity)
}

// A patch that is no list of operations is a bad request; one whose operation cannot be carried out looks as if a test had failed.
func TestBrokenPatchesAnswer400Or422(t *testing.T) {
	p := newPatched(t, onStack(t))
	requireCode(t, p.deployment(`{"op":"test"}`), http.StatusBadRequest)
	requireCode(t, p.deployment(`[{"op":"replace","path":"/spec/nothing/here","value":1}]`), http.StatusUnprocessableEntity)
	requireCode(t, p.deployment(`[{"op":"replace","path":"/spec/template","value":{}}]`), http.StatusUnprocessableEntity)
}

// Nothing can be added to a map of annotations that is not there; a test for null proves that it is not.
func TestAbsentAnnotations(t *testing.T) {
	p := newPatched(t, onStack(t))
	require.NoError(t, p.service(`[{"op":"remove","path":"/metadata/annotations"}]`))
	requireCode(t, p.service(`[{"op":"add","path":"/metadata/annotations/x","value":"y"}]`), http.StatusUnprocessableEntity)
	whole := `[{"op":"test","path":"/metadata/annotations","value":null},{"op":"add","path":"/metadata/annotations","value":{"x":"y"}}]`
	require.NoError(t, p.service(whole))
	requireCode(t, p.service(whole), http.StatusUnprocessableEntity)
}

// The Deployment controller puts a label into the template of a ReplicaSet that the Deployment's own does not have.
func TestReplicaSetsTemplateHasTheHash(t *testing.T) {
	p := newPatched(t, onStack(t))
	sets, err := p.Client.AppsV1().ReplicaSets(p.Namespace).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	require.Len(t, sets.Items, 1)
	require.NotEmpty(t, sets.Items[0].Spec.Template.Labels["pod-template-hash"])
	d, err := p.Client.AppsV1().Deployments(p.Namespace).Get(t.Context(), p.Name, metav1.GetOptions{})
	require.NoError(t, err)
	require.Empty(t, d.Spec.Template.Labels["pod-template-hash"])
	ours, err := json.Marshal(sets.Items[0].Spec.Template)
	require.NoError(t, err)
	live, err := json.Marshal(d.Spec.Template)
	require.NoError(t, err)
	require.True(t, rollback.TemplatesEqual(ours, live))
}

// The controller copies a Deployment's annotations to its live ReplicaSet, and kubectl rollout undo copies those of the
// ReplicaSet back: an intent's id goes and comes with the template, but it is nowhere unless it was put there once.
func TestUndoCopiesAnnotationsBack(t *testing.T) {
	w := onStack(t)
	p := newPatched(t, w)
	annotation := func() string {
		d, err := p.Client.AppsV1().Deployments(p.Namespace).Get(t.Context(), p.Name, metav1.GetOptions{})
		require.NoError(t, err)
		return d.Annotations[rollback.IntentAnnotation]
	}
	undo := func() {
		out, err := w.kubectlOf(t, p.Namespace, "rollout", "undo", "deployment/checkout")
		require.NoError(t, err, out)
		require.NoError(t, p.AwaitRollout(t.Context()))
	}
	require.NoError(t, p.Deploy(t.Context(), "v2", sampleapp.Behaviour{}))
	require.NoError(t, p.AwaitRollout(t.Context()))
	cluster := rollback.NewCluster(dynamicClient(t, w), rollback.Options{})
	live := settledSnapshot(t, cluster, rollback.Workload{Namespace: p.Namespace, Name: p.Name})
	plan, refusal := rollback.MakePlan(pinOn(t, live, "1"), live, false)
	require.Nil(t, refusal)
	landed := func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		was, err := cluster.Landed(ctx, plan, "intent-1")
		require.NoError(t, err)
		return was
	}
	require.False(t, landed())
	_, _, err := cluster.Apply(t.Context(), plan, "intent-1")
	require.NoError(t, err)
	require.NoError(t, p.AwaitRollout(t.Context()))
	require.True(t, landed())

	undo() // to v2, which had no intent
	require.Empty(t, annotation())
	undo() // to v1, whose ReplicaSet has kept it
	require.Equal(t, "intent-1", annotation())
	require.NoError(t, p.Deploy(t.Context(), "v3", sampleapp.Behaviour{}))
	require.True(t, landed(), "what was deployed since does not change that it had landed")
}

// Whatever changes a Service changes its resourceVersion; keys with a slash are written as JSON pointers have them.
func TestServiceIsFencedByItsResourceVersion(t *testing.T) {
	p := newPatched(t, onStack(t))
	require.NoError(t, p.service(`[{"op":"add","path":"/spec/selector/shop.example~1colour","value":"green"}]`))
	before, err := p.Client.CoreV1().Services(p.Namespace).Get(t.Context(), p.Name, metav1.GetOptions{})
	require.NoError(t, err)
	swap := `[{"op":"test","path":"/metadata/resourceVersion","value":"` + before.ResourceVersion + `"},` +
		`{"op":"test","path":"/spec/selector/shop.example~1colour","value":"green"},{"op":"replace","path":"/spec/selector/shop.example~1colour","value":"blue"}]`
	require.NoError(t, p.service(`[{"op":"add","path":"/metadata/annotations/x","value":"y"}]`))
	requireCode(t, p.service(swap), http.StatusUnprocessableEntity)
}
