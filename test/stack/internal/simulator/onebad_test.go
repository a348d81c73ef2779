package simulator

import (
	"net/http"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// replica is a ready pod of a ReplicaSet.
func replica(set types.UID, name, image string) *corev1.Pod {
	pod := readyPod(types.UID(name), image)
	pod.Name = name
	controller := true
	pod.OwnerReferences = []metav1.OwnerReference{{UID: set, Controller: &controller}}
	return pod
}

// failing are the names of those pods that fail.
func failing(t *testing.T, s *Simulator, names ...string) []string {
	t.Helper()
	return slices.DeleteFunc(names, func(name string) bool {
		code, _ := get(t, s, "/pods/shop/"+name+"/")
		return code != http.StatusInternalServerError
	})
}

func TestOneBadIsTheFirstReadyPodOfItsReplicaSet(t *testing.T) {
	const image = "app:v2-errors100-onebad"
	s := newSimulator()
	for _, name := range []string{"c", "a", "b"} {
		s.Observe(replica("new", name, image))
	}
	s.Observe(replica("other", "0", image))
	expect := func(when string, want ...string) {
		t.Helper()
		if got := failing(t, s, "0", "a", "b", "c"); !slices.Equal(got, want) {
			t.Errorf("%s the pods %v fail, not %v", when, got, want)
		}
	}
	expect("at first", "0", "a")

	unready := replica("new", "a", image)
	unready.Status.Conditions[0].Status = corev1.ConditionFalse
	s.Observe(unready)
	expect("when the first is not ready", "0", "b")

	s.Observe(replica("new", "a", image))
	expect("when it is again", "0", "a")

	s.Forget(unready)
	expect("when it is deleted", "0", "b")
}
