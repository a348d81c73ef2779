package e2e

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/rollbackd/rollbackd/internal/localstack"
	"github.com/rollbackd/rollbackd/rollback"
)

// burst is how many rollbacks are made at once.
const burst = 200

// TestTwoHundredRollbacksAtOnce: nothing on our side holds them up, and each is carried out once. The client has no rate limit
// of its own, because the API server's fairness protects it, and because a rollback must not queue behind reads.
func TestTwoHundredRollbacksAtOnce(t *testing.T) {
	w := onStack(t)
	namespace := namespaceOf(t)
	_, err := w.client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := toTidyUp(t)
		defer cancel()
		require.NoError(t, w.client.CoreV1().Namespaces().Delete(ctx, namespace, metav1.DeleteOptions{}))
	})
	sideBySide(t, func(ctx context.Context, name string) error { return twoVersions(ctx, w, namespace, name) })

	cluster := newCluster(t, w)
	plans := make([]rollback.Plan, burst)
	eventually(t, 2*time.Minute, func() (bool, string) { // until the controller has made all ReplicaSets
		for i := range plans {
			plan, why := planOf(t, cluster, rollback.Workload{Namespace: namespace, Name: fmt.Sprintf("app-%d", i)})
			if why != "" {
				return false, why
			}
			plans[i] = plan
		}
		return true, ""
	})

	began := time.Now()
	var slowest time.Duration
	var mu sync.Mutex
	sideBySide(t, func(ctx context.Context, name string) error {
		var i int
		if _, err := fmt.Sscanf(name, "app-%d", &i); err != nil {
			return err
		}
		result, detail, err := cluster.Apply(ctx, plans[i], "burst-"+name)
		if err != nil || result != rollback.Landed {
			return fmt.Errorf("%s: %s %s %w", name, result, detail, err)
		}
		mu.Lock()
		defer mu.Unlock()
		slowest = max(slowest, time.Since(began))
		return nil
	})
	t.Logf("%d rollbacks at once: the last was accepted after %s", burst, slowest.Round(time.Millisecond))
	events, err := w.stack.Audit(t.Context(), localstack.AuditQuery{Verb: "patch", Resource: "deployments", Namespace: namespace, User: "rollbackd"})
	require.NoError(t, err)
	require.Len(t, landed(events), burst)
}

// sideBySide does something for each of the applications at once.
func sideBySide(t *testing.T, do func(ctx context.Context, name string) error) {
	t.Helper()
	errs := make(chan error, burst)
	for i := range burst {
		go func() { errs <- do(t.Context(), fmt.Sprintf("app-%d", i)) }()
	}
	for range burst {
		require.NoError(t, <-errs)
	}
}

// twoVersions makes a Deployment without pods and gives it a second version.
func twoVersions(ctx context.Context, w *world, namespace, name string) error {
	none := int32(0)
	labels := map[string]string{"app": name}
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: appsv1.DeploymentSpec{
		Replicas: &none, Selector: &metav1.LabelSelector{MatchLabels: labels},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels},
			Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "registry.example/app:v1"}}}},
	}}
	if _, err := w.client.AppsV1().Deployments(namespace).Create(ctx, d, metav1.CreateOptions{}); err != nil {
		return err
	}
	for { // the controller must have seen the first version, or there is none to go back to
		live, err := w.client.AppsV1().Deployments(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if live.Annotations["deployment.kubernetes.io/revision"] == "1" {
			break
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	patch := `{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"registry.example/app:v2"}]}}}}`
	_, err := w.client.AppsV1().Deployments(namespace).Patch(ctx, name, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{})
	return err
}

// planOf plans the undo of a workload to its first version, or says why it cannot be planned yet.
func planOf(t *testing.T, cluster *rollback.Cluster, workload rollback.Workload) (rollback.Plan, string) {
	t.Helper()
	snapshot, err := cluster.Read(t.Context(), workload, nil)
	require.NoError(t, err)
	pin, refusal := rollback.PinTo(snapshot, "1")
	if refusal != nil {
		return rollback.Plan{}, refusal.Reason
	}
	plan, refusal := rollback.MakePlan(pin, snapshot, false)
	if refusal != nil {
		return rollback.Plan{}, refusal.Reason
	}
	return plan, ""
}
