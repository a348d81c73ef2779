package rollback

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime"
	k8stesting "k8s.io/client-go/testing"
)

func TestHistoriesHoldEachDeploymentsOwnReplicaSets(t *testing.T) {
	_, s := pinned()
	for _, namespace := range []string{"shop", ""} {
		client := shop(t)
		got, err := NewCluster(client, Options{}).Histories(t.Context(), namespace)
		require.NoError(t, err)
		require.NotEmpty(t, got)
		found := false
		for _, h := range got {
			if h.Workload != s.Workload {
				continue
			}
			found = true
			require.Len(t, h.Revisions, len(s.Revisions))
			for i, r := range h.Revisions {
				require.Equal(t, s.Revisions[i].UID, r.UID)
				require.Equal(t, s.Revisions[i].Version, r.Version)
				require.Equal(t, s.Revisions[i].CreatedAt, r.CreatedAt)
			}
		}
		require.True(t, found)
		for _, action := range client.Actions() {
			require.Equal(t, "list", action.GetVerb(), "it only reads")
		}
	}
}

func TestHistoriesSayWhatCouldNotBeListed(t *testing.T) {
	client := shop(t)
	client.PrependReactor("list", "replicasets", func(k8stesting.Action) (bool, runtime.Object, error) { return true, nil, errors.New("no") })
	_, err := NewCluster(client, Options{}).Histories(t.Context(), "")
	require.EqualError(t, err, "unable to list the ReplicaSets of all namespaces: no")
}
