package rollback

import (
	"testing"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"
)

// everyKind is a cluster with a workload of each kind, all of one name.
func everyKind(w Workload) *fake.FakeDynamicClient {
	lists, objects := map[schema.GroupVersionResource]string{}, []runtime.Object{}
	for _, kind := range []Kind{KindDeployment, KindStatefulSet, KindDaemonSet} {
		lists[kind.resource()] = kind.String() + "List"
		objects = append(objects, &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "apps/v1", "kind": kind.String(), "spec": map[string]any{"replicas": int64(3)},
			"metadata": map[string]any{"namespace": w.Namespace, "name": w.Name, "annotations": map[string]any{"note": "kept"}},
		}})
	}
	return fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), lists, objects...)
}

// TestAnnotate: nothing is changed but the one annotation of the one workload, whose kind is told from others of its name; it is
// found again by its name, and taken away.
func TestAnnotate(t *testing.T) {
	const name = "rollbackd.io/watch.main"
	for _, kind := range []Kind{KindDeployment, KindStatefulSet, KindDaemonSet} {
		t.Run(kind.String(), func(t *testing.T) {
			w := Workload{Kind: kind, Namespace: "shop", Name: "checkout"}
			client := everyKind(w)
			c := NewCluster(client, Options{})
			require.NoError(t, c.Annotate(t.Context(), w, name, "key"))
			for _, namespace := range []string{"", "shop"} {
				found, err := c.Annotated(t.Context(), kind, namespace, name)
				require.NoError(t, err)
				require.Equal(t, []Annotated{{Workload: w, Value: "key"}}, found)
			}
			found, err := c.Annotated(t.Context(), kind, "shop", "rollbackd.io/watch.other")
			require.NoError(t, err)
			require.Empty(t, found)

			require.NoError(t, c.Annotate(t.Context(), w, name, ""))
			after, err := client.Resource(kind.resource()).Namespace("shop").Get(t.Context(), "checkout", metav1.GetOptions{})
			require.NoError(t, err)
			require.Equal(t, map[string]string{"note": "kept"}, after.GetAnnotations())
			require.Equal(t, map[string]any{"replicas": int64(3)}, after.Object["spec"])
			w.Name = "none"
			require.ErrorIs(t, c.Annotate(t.Context(), w, name, "key"), ErrNotFound)
		})
	}
}

// TestAnnotatedAsksForOneKind: rollbackd may be let see that kind only. That it may not see it is an error.
func TestAnnotatedAsksForOneKind(t *testing.T) {
	w := Workload{Namespace: "shop", Name: "checkout"}
	client := everyKind(w)
	forbid := func(resource string) {
		client.PrependReactor("list", resource, func(clienttesting.Action) (bool, runtime.Object, error) {
			return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: resource}, "", nil)
		})
	}
	c := NewCluster(client, Options{})
	require.NoError(t, c.Annotate(t.Context(), w, "a/b", "key"))
	forbid("statefulsets")
	forbid("daemonsets")
	found, err := c.Annotated(t.Context(), KindDeployment, "", "a/b")
	require.NoError(t, err)
	require.Len(t, found, 1)
	_, err = c.Annotated(t.Context(), KindStatefulSet, "shop", "a/b")
	require.True(t, IsForbidden(err))
	require.ErrorContains(t, err, "unable to list the StatefulSets of namespace shop")
}
