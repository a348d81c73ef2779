package chaos

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/rollbackd/rollbackd/internal/chaos"
	"github.com/rollbackd/rollbackd/internal/localstack"
	"github.com/rollbackd/rollbackd/internal/watch"
	"github.com/rollbackd/rollbackd/rollback"
)

const pauseTable = "Killed around the pause of a suspected rollout"

// TestKilledAroundAPause: wherever the daemon dies while it stops a rollout on suspicion, or lets it go on, the release is rolled back
// once if it stays bad and never if it does not, and no rollout stays stopped.
func TestKilledAroundAPause(t *testing.T) {
	w := onStack(t)
	onlyWhole(t)
	for _, call := range []string{"append:pause", "pause", "append:paused"} {
		for _, side := range []string{":before", ":after"} {
			t.Run("bad/"+call+side, func(t *testing.T) {
				t.Parallel()
				c := newSuspect(t, w, chaos.Point(call+side), true)
				c.killed()
				v := c.again()
				require.Equal(t, watch.RolledBack, v.State, v.Reason)
				c.finished(1)
			})
		}
	}
	for _, call := range []string{"resume", "append:resumed"} {
		for _, side := range []string{":before", ":after"} {
			t.Run("recovers/"+call+side, func(t *testing.T) {
				t.Parallel()
				c := newSuspect(t, w, chaos.Point(call+side), false)
				c.daemon.start(c.point)
				c.app.deployBad()
				c.daemon.publish(c.app.event("bad", "v2"))
				c.awaitPaused(true)
				require.NoError(t, c.app.SetErrorRatio(t.Context(), "v2", 0))
				c.daemon.awaitDeath(2 * time.Minute)
				c.died, c.row.by = time.Now(), "-"
				c.daemon.start("")
				c.awaitPaused(false)
				v := c.ended() // the pods that the rollout adds later are bad again, but not for as long as the rule asks
				require.Equal(t, watch.Inconclusive, v.State, v.Reason)
				c.finished(0)
			})
		}
	}
}

// newSuspect is a release whose rollout takes longer than its watch, bad for long enough to be rolled back or not.
func newSuspect(t *testing.T, w *world, p chaos.Point, staysBad bool) *crash {
	t.Helper()
	c := &crash{t: t, point: p, row: &row{table: pauseTable, what: "stays bad, " + string(p), faults: 1, bad: true, due: staysBad, failed: true}}
	if !staysBad {
		c.row.what = "recovers, " + string(p)
	}
	t.Cleanup(func() { w.tables.add(*c.row) })
	c.app = newApp(t, w, undo)
	_, err := c.app.Client.AppsV1().Deployments(c.app.Namespace).Patch(t.Context(), c.app.Name, types.MergePatchType,
		[]byte(`{"spec":{"minReadySeconds":25}}`), metav1.PatchOptions{})
	require.NoError(t, err)
	c.daemon = newDaemon(t, w, func(s *settings) {
		s.Pause = true
		if !staysBad {
			s.For, s.MinBreach, s.Active = 75*time.Second, 75*time.Second, 80*time.Second
		}
	})
	return c
}

// finished requires that so many rollbacks were made and that nothing is stopped any more.
func (c *crash) finished(rollbacks int) {
	c.t.Helper()
	c.awaitPaused(false)
	patches := c.app.patches()
	c.row.patches = 0
	for _, p := range patches {
		if replacesTemplate(c.t, p) {
			c.row.patches++
		}
	}
	require.Equal(c.t, rollbacks, c.row.patches, "%d patches", len(patches))
	require.LessOrEqual(c.t, len(patches)-rollbacks, 2, "it is stopped once, and let go on once")
	require.NotContains(c.t, c.deployment().Annotations, rollback.PauseAnnotation)
	require.Equal(c.t, rollbacks > 0, c.app.restored())
	c.row.failed = false
}

func replacesTemplate(t *testing.T, e localstack.AuditEvent) bool {
	t.Helper()
	var ops []struct{ Op, Path string }
	require.NoError(t, json.Unmarshal(e.RequestObject, &ops))
	for _, op := range ops {
		if op.Op == "replace" && op.Path == "/spec/template" {
			return true
		}
	}
	return false
}

func (c *crash) deployment() *appsv1.Deployment {
	c.t.Helper()
	live, err := c.app.Client.AppsV1().Deployments(c.app.Namespace).Get(c.t.Context(), c.app.Name, metav1.GetOptions{})
	require.NoError(c.t, err)
	return live
}

func (c *crash) awaitPaused(paused bool) {
	c.t.Helper()
	eventually(c.t, time.Minute, func() (bool, string) {
		return c.deployment().Spec.Paused == paused, fmt.Sprintf("spec.paused is %t", !paused)
	})
}
