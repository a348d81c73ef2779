package e2e

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/rollbackd/rollbackd/internal/mask"
	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/rollback"
)

// TestPreviewAsksTheAPIServer: what admission would say to a rollback is known before it is carried out, and asking
// changes nothing.
func TestPreviewAsksTheAPIServer(t *testing.T) {
	w := onStack(t)
	s := newServiceWith(t, w, 0)
	s.deploy("v2", sampleapp.Behaviour{})
	require.NoError(t, s.AwaitRollout(t.Context()))
	cluster := newCluster(t, w)
	plan := s.planTo(cluster, "1")

	diff, err := plan.Diff(mask.Masker{})
	require.NoError(t, err)
	require.Contains(t, diff, "\n-    ", "the diff takes something away")
	require.Contains(t, diff, "app.kubernetes.io/version: v1\n")

	objection, err := cluster.Preview(t.Context(), plan)
	require.NoError(t, err)
	require.Empty(t, objection)
	s.requireLive("v2")

	forbidUndo(t, w, s.Namespace)
	eventually(t, 30*time.Second, func() (bool, string) { // the API server takes a moment to learn of the policy
		objection, err = cluster.Preview(t.Context(), plan)
		return err == nil && objection != "", fmt.Sprintf("Preview = %q, %v", objection, err)
	})
	require.Contains(t, objection, "no undo on Fridays")
	s.requireLive("v2")
}

// newCluster reads and patches as the daemon does, and has the patience of a test.
func newCluster(t *testing.T, w *world) *rollback.Cluster {
	t.Helper()
	rc, err := clientcmd.BuildConfigFromFlags("", w.stack.DaemonKubeconfig)
	require.NoError(t, err)
	rc.QPS = -1
	client, err := dynamic.NewForConfig(rc)
	require.NoError(t, err)
	return rollback.NewCluster(client, rollback.Options{Timeout: patience * 10 * time.Second})
}

// planTo plans an undo to a revision that a person names.
func (s *service) planTo(cluster *rollback.Cluster, revision string) rollback.Plan {
	s.t.Helper()
	snapshot, err := cluster.Read(s.t.Context(), rollback.Workload{Namespace: s.Namespace, Name: s.Name}, nil)
	require.NoError(s.t, err)
	pin, refusal := rollback.PinTo(snapshot, revision)
	require.Nil(s.t, refusal)
	plan, refusal := rollback.MakePlan(pin, snapshot, false)
	require.Nil(s.t, refusal)
	return plan
}

// forbidUndo has the API server refuse every change by rollbackd of a Deployment of the namespace.
func forbidUndo(t *testing.T, w *world, namespace string) {
	t.Helper()
	fail, policies := admissionv1.Fail, w.client.AdmissionregistrationV1().ValidatingAdmissionPolicies()
	_, err := policies.Create(t.Context(), &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: namespace},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			FailurePolicy: &fail,
			MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{
				RuleWithOperations: admissionv1.RuleWithOperations{
					Operations: []admissionv1.OperationType{admissionv1.Update},
					Rule:       admissionv1.Rule{APIGroups: []string{"apps"}, APIVersions: []string{"v1"}, Resources: []string{"deployments"}},
				},
			}}},
			Validations: []admissionv1.Validation{{Expression: `request.userInfo.username != "rollbackd"`, Message: "no undo on Fridays"}},
		},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	bindings := w.client.AdmissionregistrationV1().ValidatingAdmissionPolicyBindings()
	_, err = bindings.Create(t.Context(), &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: namespace},
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName: namespace, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
			MatchResources: &admissionv1.MatchResources{NamespaceSelector: &metav1.LabelSelector{
				MatchLabels: map[string]string{"kubernetes.io/metadata.name": namespace}}},
		},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() {
		// They are not in the namespace, and so do not go with it.
		ctx, cancel := toTidyUp(t)
		defer cancel()
		if err := errors.Join(bindings.Delete(ctx, namespace, metav1.DeleteOptions{}), policies.Delete(ctx, namespace, metav1.DeleteOptions{})); err != nil {
			t.Error(err)
		}
	})
}
