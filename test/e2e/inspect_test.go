package e2e

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/rollback"
)

// TestInspectFindsWhatTheTargetLacks: what a rollback would bring back may name a ConfigMap that was deleted since, or an
// image that is gone. The API server itself is asked.
func TestInspectFindsWhatTheTargetLacks(t *testing.T) {
	w := onStack(t)
	s := newServiceWith(t, w, 0)
	conf := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "conf"}, Data: map[string]string{"mode": "fast"}}
	_, err := s.Client.CoreV1().ConfigMaps(s.Namespace).Create(t.Context(), conf, metav1.CreateOptions{})
	require.NoError(t, err)
	s.needConfig("conf") // revision 2
	require.NoError(t, s.AwaitRollout(t.Context()))
	pods := slices.DeleteFunc(s.podsOf("v1"), func(p corev1.Pod) bool { // those of revision 1 have the version too, and may be on their way out
		return p.DeletionTimestamp != nil || len(p.Spec.Containers[0].EnvFrom) == 0
	})
	require.NotEmpty(t, pods)
	old := pods[0]
	s.deploy("v2", sampleapp.Behaviour{}) // revision 3
	require.NoError(t, s.AwaitRollout(t.Context()))
	cluster := newCluster(t, w)

	require.Nil(t, s.inspected(cluster))
	require.NoError(t, s.Client.CoreV1().ConfigMaps(s.Namespace).Delete(t.Context(), "conf", metav1.DeleteOptions{}))
	refusal := s.inspected(cluster)
	require.NotNil(t, refusal)
	require.Equal(t, rollback.RefuseConfigMissing, refusal.Code, refusal.Reason)
	require.Contains(t, refusal.Reason, "ConfigMap conf")

	_, err = s.Client.CoreV1().ConfigMaps(s.Namespace).Create(t.Context(), conf, metav1.CreateOptions{})
	require.NoError(t, err)
	s.recordEvent(old, "Failed", `Failed to pull image "registry.example/checkout:v1": manifest unknown`)
	refusal = s.inspected(cluster)
	require.NotNil(t, refusal)
	require.Equal(t, rollback.RefuseImageUnpullable, refusal.Code, refusal.Reason)
	require.Contains(t, refusal.Reason, old.Name)
}

// needConfig has the pods take their environment from a ConfigMap.
func (s *service) needConfig(name string) {
	s.t.Helper()
	s.edit(func(live *appsv1.Deployment) {
		live.Spec.Template.Spec.Containers[0].EnvFrom = []corev1.EnvFromSource{{
			ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: name}}}}
	})
}

// inspected returns why a rollback to revision 2 is refused, nil if it is not.
func (s *service) inspected(cluster *rollback.Cluster) *rollback.Refusal {
	s.t.Helper()
	snapshot, err := cluster.Read(s.t.Context(), rollback.Workload{Namespace: s.Namespace, Name: s.Name}, nil)
	require.NoError(s.t, err)
	pin, refusal := rollback.PinTo(snapshot, "2")
	require.Nil(s.t, refusal)
	snapshot, err = cluster.Inspect(s.t.Context(), pin, snapshot)
	require.NoError(s.t, err)
	_, refusal = rollback.MakePlan(pin, snapshot, false)
	return refusal
}

// recordEvent writes an event about a pod as the kubelet does.
func (s *service) recordEvent(pod corev1.Pod, reason, message string) {
	s.t.Helper()
	_, err := s.Client.CoreV1().Events(s.Namespace).Create(s.t.Context(), &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{GenerateName: pod.Name + "."},
		InvolvedObject: corev1.ObjectReference{APIVersion: "v1", Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID},
		Reason:         reason, Message: message, Type: corev1.EventTypeWarning, LastTimestamp: metav1.NewTime(time.Now()),
	}, metav1.CreateOptions{})
	require.NoError(s.t, err)
}
