package rollback

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
)

// told collects what a feed tells.
type told struct {
	mu  sync.Mutex
	all []Changed
}

func (t *told) tell(c Changed) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = append(t.all, c)
}

func (t *told) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.all)
}

// change edits the Deployment's text.
func change(t *testing.T, client dynamic.Interface, edit func(spec map[string]any)) {
	t.Helper()
	deployments := client.Resource(deploymentsResource()).Namespace("shop")
	u, err := deployments.Get(t.Context(), "checkout", metav1.GetOptions{})
	require.NoError(t, err)
	edit(u.Object["spec"].(map[string]any))
	_, err = deployments.Update(t.Context(), u, metav1.UpdateOptions{})
	require.NoError(t, err)
}

func templateOf(t *testing.T, template json.RawMessage) map[string]any {
	t.Helper()
	var out map[string]any
	require.NoError(t, json.Unmarshal(template, &out))
	return out
}

// TestFeedTellsOfOtherContainersOnly: all Deployments at first, and then those that run something else; never of restarts,
// labels and scaling.
func TestFeedTellsOfOtherContainersOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, seen := shop(t), &told{}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			done <- NewFeed(client, func(_ string, err error) { t.Error(err) }).Run(ctx, []string{""}, seen.tell)
		}()
		synctest.Wait()
		require.Equal(t, 1, seen.count())

		change(t, client, func(spec map[string]any) { spec["replicas"] = int64(7) })
		change(t, client, func(spec map[string]any) { spec["template"] = templateOf(t, restarted("v3", "now")) })
		change(t, client, func(spec map[string]any) {
			spec["template"] = templateOf(t, podSpec("v3", `"app":"checkout"`, `"app":"checkout","team":"pay"`))
		})
		change(t, client, func(spec map[string]any) { spec["template"] = templateOf(t, podSpec("v4")) })
		synctest.Wait()
		cancel()
		require.NoError(t, <-done)
		require.Len(t, seen.all, 2)
		require.Equal(t, Changed{Workload: checkout()}, seen.all[1])
	})
}
