package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/rollback"
)

// The tests of this file ask kubectl what it does, and require that rollbackd does the same.

// kubectlOf runs kubectl on a namespace and returns what it says.
func (w *world) kubectlOf(t *testing.T, namespace string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, w.kubectl, append([]string{"--kubeconfig", w.stack.Kubeconfig, "-n", namespace}, args...)...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func dynamicClient(t *testing.T, w *world) dynamic.Interface {
	t.Helper()
	rc, err := clientcmd.BuildConfigFromFlags("", w.stack.Kubeconfig)
	require.NoError(t, err)
	client, err := dynamic.NewForConfig(rc)
	require.NoError(t, err)
	return client
}

// twins are two Deployments of one history, in two namespaces: kubectl changes one and rollbackd the other.
type twins [2]sampleapp.App

func newTwins(t *testing.T, w *world) twins {
	t.Helper()
	var pair twins
	for i := range pair {
		pair[i] = sampleapp.App{Client: w.client, Namespace: fmt.Sprintf("%s-%d", namespaceOf(t), i), Name: "checkout", Replicas: 1}
		require.NoError(t, pair[i].Create(t.Context(), "v1", sampleapp.Behaviour{Settings: map[string]string{"note": "a <b> & c"}}))
	}
	return pair
}

// patch changes both, and waits until the controller has made a revision of it.
func (p twins) patch(t *testing.T, patch string) {
	t.Helper()
	for _, a := range p {
		_, err := a.Client.AppsV1().Deployments(a.Namespace).Patch(t.Context(), a.Name, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{})
		require.NoError(t, err)
		eventually(t, time.Minute, func() (bool, string) {
			d, err := a.Client.AppsV1().Deployments(a.Namespace).Get(t.Context(), a.Name, metav1.GetOptions{})
			return err == nil && d.Status.ObservedGeneration >= d.Generation, "the controller has not acted"
		})
	}
}

func (p twins) template(t *testing.T, i int) json.RawMessage {
	t.Helper()
	d, err := p[i].Client.AppsV1().Deployments(p[i].Namespace).Get(t.Context(), p[i].Name, metav1.GetOptions{})
	require.NoError(t, err)
	raw, err := json.Marshal(d.Spec.Template)
	require.NoError(t, err)
	return raw
}

func templatePatch(fields string) string { return `{"spec":{"template":` + fields + `}}` }

// TestUndoIsWhatKubectlDoes: a Deployment with five revisions is taken back to each of them, by kubectl rollout undo and by
// rollbackd. What is live then is the same.
func TestUndoIsWhatKubectlDoes(t *testing.T) {
	w := onStack(t)
	pair := newTwins(t, w)
	pair.patch(t, templatePatch(`{"spec":{"containers":[{"name":"app","image":"registry.example/checkout:v2","env":[{"name":"A","value":"\"é\u2028<"}]}]}}`))
	pair.patch(t, templatePatch(`{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"2026-11-22T10:00:00Z"}}}`))
	pair.patch(t, templatePatch(`{"metadata":{"labels":{"tier":"web"}},"spec":{"volumes":[{"name":"conf","configMap":{"name":"conf-1"}}],"initContainers":[{"name":"init","image":"registry.example/init:v1"}]}}`))
	pair.patch(t, templatePatch(`{"spec":{"terminationGracePeriodSeconds":7,"containers":[{"name":"app","image":"registry.example/checkout:v3"},{"name":"side","image":"registry.example/side:v1"}]}}`))

	cluster := rollback.NewCluster(dynamicClient(t, w), rollback.Options{})
	for _, number := range []string{"1", "2", "3", "4"} {
		out, err := w.kubectlOf(t, pair[0].Namespace, "rollout", "undo", "deployment/checkout", "--to-revision="+number)
		require.NoError(t, err, out)

		mine := rollback.Workload{Namespace: pair[1].Namespace, Name: pair[1].Name}
		live := settledSnapshot(t, cluster, mine)
		plan, refusal := rollback.MakePlan(pinOn(t, live, number), live, false)
		require.Nil(t, refusal)
		result, detail, err := cluster.Apply(t.Context(), plan, "intent-"+number)
		require.NoError(t, err)
		require.Equal(t, rollback.Landed, result, detail)

		require.JSONEq(t, string(pair.template(t, 0)), string(pair.template(t, 1)), "revision %s", number)
		require.True(t, rollback.TemplatesEqual(pair.template(t, 0), plan.ToTemplate), "the plan's template is not what kubectl brought")
		pair.patch(t, templatePatch(`{"metadata":{"annotations":{"sequel":"`+number+`"}}}`)) // a revision of its own to come back from
	}
}

// TestUndoIsRefusedWhereKubectlRefuses: to what is live already, of what is paused, and to what is not there.
func TestUndoIsRefusedWhereKubectlRefuses(t *testing.T) {
	w := onStack(t)
	pair := newTwins(t, w)
	pair.patch(t, templatePatch(`{"spec":{"containers":[{"name":"app","image":"registry.example/checkout:v2"}]}}`))
	cluster := rollback.NewCluster(dynamicClient(t, w), rollback.Options{})
	mine := rollback.Workload{Namespace: pair[1].Namespace, Name: pair[1].Name}
	live := settledSnapshot(t, cluster, mine)
	first, last := pinOn(t, live, "1"), pinOn(t, live, "2")

	out, err := w.kubectlOf(t, pair[0].Namespace, "rollout", "undo", "deployment/checkout", "--to-revision=2")
	require.NoError(t, err, out)
	require.Contains(t, out, "skipped rollback")
	_, refusal := rollback.MakePlan(last, live, false)
	require.Equal(t, rollback.RefuseTargetIsLive, refusal.Code)

	out, err = w.kubectlOf(t, pair[0].Namespace, "rollout", "undo", "deployment/checkout", "--to-revision=9")
	require.Error(t, err)
	require.Contains(t, out, "unable to find specified revision")
	missing := first
	missing.Target = &rollback.Revision{UID: "none", ReplicaSet: "none", Number: "9", Template: json.RawMessage(`{}`)}
	_, refusal = rollback.MakePlan(missing, live, false)
	require.Equal(t, rollback.RefuseTargetMissing, refusal.Code)

	pair.patch(t, `{"spec":{"paused":true}}`)
	out, err = w.kubectlOf(t, pair[0].Namespace, "rollout", "undo", "deployment/checkout", "--to-revision=1")
	require.Error(t, err)
	require.Contains(t, out, "paused")
	_, refusal = rollback.MakePlan(first, settledSnapshot(t, cluster, mine), false)
	require.Equal(t, rollback.RefusePaused, refusal.Code)
}

func settledSnapshot(t *testing.T, c *rollback.Cluster, w rollback.Workload) rollback.Snapshot {
	t.Helper()
	var s rollback.Snapshot
	eventually(t, time.Minute, func() (bool, string) {
		var err error
		s, err = c.Read(t.Context(), w, nil)
		return err == nil && s.ObservedGeneration >= s.Generation && s.Live != nil, fmt.Sprint("it does not settle: ", err)
	})
	return s
}

// pinOn is a pin whose release is what is live and whose target is the revision with that number.
func pinOn(t *testing.T, s rollback.Snapshot, number string) rollback.Pin {
	t.Helper()
	for i := range s.Revisions {
		if s.Revisions[i].Number == number {
			return rollback.Pin{WorkloadUID: s.UID, Release: *s.Live, Target: &s.Revisions[i]}
		}
	}
	t.Fatalf("there is no revision %s: %+v", number, s.Revisions)
	return rollback.Pin{}
}

// phases are what kubectl rollout status says, and what rollbackd says of the same.
func phases() map[string]string {
	return map[string]string{
		"spec update to be observed":     "has not acted on the newest change",
		"new replicas have been updated": "replicas run the new template",
		"are pending termination":        "have yet to terminate",
		"updated replicas are available": "new replicas are available",
		"successfully rolled out":        "rolled out:",
		"exceeded its progress deadline": rollback.ErrProgressDeadline.Error(),
	}
}

// TestRolloutStatusIsWhatKubectlSays follows rollouts through all their phases.
func TestRolloutStatusIsWhatKubectlSays(t *testing.T) {
	w := onStack(t)
	a := sampleapp.App{Client: w.client, Namespace: namespaceOf(t), Name: "checkout", Replicas: 6}
	require.NoError(t, a.Create(t.Context(), "v1", sampleapp.Behaviour{}))
	c := &comparison{t: t, w: w, app: a, cluster: rollback.NewCluster(dynamicClient(t, w), rollback.Options{}), seen: map[string]int{}}
	c.follow("successfully rolled out")
	for _, version := range []string{"v2", "v3", "v4"} {
		require.NoError(t, a.Deploy(t.Context(), version, sampleapp.Behaviour{}))
		c.follow("successfully rolled out")
	}
	c.change(func(d *appsv1.Deployment) { seconds := int32(3); d.Spec.ProgressDeadlineSeconds = &seconds })
	require.NoError(t, a.Deploy(t.Context(), "v5-notready", sampleapp.Behaviour{}))
	c.follow("exceeded its progress deadline")
	require.NoError(t, a.Deploy(t.Context(), "v6", sampleapp.Behaviour{}))
	c.follow("successfully rolled out")
	c.change(func(d *appsv1.Deployment) {
		d.Spec.Strategy.RollingUpdate = nil
		d.Spec.Strategy.Type = appsv1.RecreateDeploymentStrategyType
		seconds := int32(60)
		d.Spec.MinReadySeconds, d.Spec.ProgressDeadlineSeconds = 12, &seconds // all are updated, and for a while none is available
	})
	require.NoError(t, a.Deploy(t.Context(), "v7", sampleapp.Behaviour{}))
	c.follow("successfully rolled out")
	c.change(func(d *appsv1.Deployment) { none := int32(0); d.Spec.Replicas = &none })
	c.follow("successfully rolled out")
	t.Logf("compared: %v", c.seen)
	for _, phase := range []string{"new replicas have been updated", "updated replicas are available", "successfully rolled out", "exceeded its progress deadline"} {
		require.NotZero(t, c.seen[phase], "the phase %q was never met", phase)
	}
}

type comparison struct {
	t       *testing.T
	w       *world
	app     sampleapp.App
	cluster *rollback.Cluster
	seen    map[string]int
}

func (c *comparison) change(edit func(*appsv1.Deployment)) {
	c.t.Helper()
	deployments := c.app.Client.AppsV1().Deployments(c.app.Namespace)
	eventually(c.t, time.Minute, func() (bool, string) {
		d, err := deployments.Get(c.t.Context(), c.app.Name, metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		edit(d)
		_, err = deployments.Update(c.t.Context(), d, metav1.UpdateOptions{})
		return err == nil, fmt.Sprint(err)
	})
}

// follow compares until kubectl says what ends the rollout. Only what kubectl says before and after a look counts, since the
// rollout goes on meanwhile.
func (c *comparison) follow(until string) {
	c.t.Helper()
	eventually(c.t, 3*time.Minute, func() (bool, string) {
		before := c.asked()
		s, err := c.cluster.Read(c.t.Context(), rollback.Workload{Namespace: c.app.Namespace, Name: c.app.Name}, nil)
		require.NoError(c.t, err)
		if after := c.asked(); before != after {
			return false, "it goes on: " + after
		}
		message, done, err := rollback.RolloutStatus(s)
		if err != nil {
			require.True(c.t, errors.Is(err, rollback.ErrProgressDeadline))
			message = err.Error()
		}
		for theirs, ours := range phases() {
			if strings.Contains(before, theirs) {
				require.Contains(c.t, message, ours, "kubectl says: %s", before)
				require.Equal(c.t, theirs == "successfully rolled out", done)
				c.seen[theirs]++
				return theirs == until, before
			}
		}
		c.t.Fatalf("kubectl says something unknown: %s", before)
		return false, ""
	})
}

func (c *comparison) asked() string {
	out, _ := c.w.kubectlOf(c.t, c.app.Namespace, "rollout", "status", "deployment/checkout", "--watch=false")
	return out
}
