package rollback

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	k8stesting "k8s.io/client-go/testing"
)

func TestLabelledListsWhatCarriesAllOfTheLabels(t *testing.T) {
	client := shop(t)
	_, err := client.Resource(deploymentsResource()).Namespace("shop").Patch(t.Context(), "checkout", types.MergePatchType,
		[]byte(`{"metadata":{"labels":{"app":"checkout","team":"pay"}}}`), metav1.PatchOptions{})
	require.NoError(t, err)
	all, err := NewCluster(client, Options{}).Labelled(t.Context(), KindDeployment, "shop", map[string]string{"app": "checkout"})
	require.NoError(t, err)
	require.Len(t, all, 1)
	read, err := NewCluster(client, Options{}).Read(t.Context(), all[0].Workload, nil)
	require.NoError(t, err)
	require.Equal(t, read.UID, all[0].UID)
	require.Equal(t, read.Version(), all[0].Version())
	require.Equal(t, read.ProgressedAt(), all[0].ProgressedAt())
	for _, carried := range []map[string]string{{"app": "checkout", "other": "x"}, {"app": "cart"}} {
		none, err := NewCluster(client, Options{}).Labelled(t.Context(), KindDeployment, "shop", carried)
		require.NoError(t, err)
		require.Empty(t, none)
	}
}

func TestLabelledSaysWhatCouldNotBeListed(t *testing.T) {
	client := shop(t)
	client.PrependReactor("list", "deployments", func(k8stesting.Action) (bool, runtime.Object, error) { return true, nil, errors.New("no") })
	_, err := NewCluster(client, Options{}).Labelled(t.Context(), KindDeployment, "shop", map[string]string{"app": "checkout"})
	require.EqualError(t, err, "unable to list the Deployments of namespace shop: no")
	for _, carried := range []map[string]string{nil, {"app": "a,b in (c)"}} {
		_, err = NewCluster(client, Options{}).Labelled(t.Context(), KindDeployment, "shop", carried)
		require.Error(t, err, "it must never list everything")
	}
}

// A ControllerRevision is numbered anew when its template is put back, and that is when it came.
func TestIntroductionOfAControllerRevision(t *testing.T) {
	made := rs(2, "v2", 30)
	made.LiveSince = at(30)
	in, ok := Introduced(live(made, rs(1, "v1", 10)))
	require.True(t, ok)
	require.Equal(t, at(30), in.At)
	require.False(t, in.PutBack)

	again := rs(3, "v1", 10)
	again.LiveSince = at(50)
	in, ok = Introduced(live(again, made))
	require.True(t, ok)
	require.Equal(t, at(50), in.At)
	require.True(t, in.PutBack)
}
