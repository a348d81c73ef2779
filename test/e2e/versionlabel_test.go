package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"

	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// TestAVersionMayBeInALabelOfTheirOwn: every release has the same image tag, and a label that rollbackd knows by its configuration alone
// tells them apart. What is announced by that label is found to be live, whether the cluster is read or the cache.
func TestAVersionMayBeInALabelOfTheirOwn(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, func(c *settings) { c.VersionLabels = "[example.com/release]" })
	s := newService(t, w)

	s.edit(func(live *appsv1.Deployment) {
		template := &live.Spec.Template
		template.Labels["app.kubernetes.io/version"] = "v2"
		template.Labels["example.com/release"] = "2026-47"
		template.Annotations = map[string]string{sampleapp.AnnotationErrorRatio: "0.3333"}
		template.Spec.Containers[0].Image = "registry.example/" + s.Name + ":stable"
	})
	s.announce(d, "labelled", "2026-47")
	v := d.awaitState("labelled", 90*time.Second, watch.RolledBack)
	requireIncidentSays(t, d, v, "2026-47")
	s.requireLive("v1")
	require.Len(t, s.rollbacks(), 1)
}
