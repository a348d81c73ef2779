package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/localstack"
	"github.com/rollbackd/rollbackd/internal/sampleapp"
	"github.com/rollbackd/rollbackd/internal/watch"
)

// trial is a service with a canary beside it that a test deploys.
type trial struct {
	sampleapp.Canary
	t *testing.T
	w *world
}

// newTrial deploys v1 as the stable version in three pods, and lets it serve long enough to be a baseline.
func newTrial(t *testing.T, w *world) *trial {
	t.Helper()
	c := &trial{t: t, w: w}
	c.App = sampleapp.App{Client: w.client, Namespace: namespaceOf(t), Name: "checkout", Replicas: 3, RPS: 90}
	require.NoError(t, c.Create(t.Context(), "v1", sampleapp.Behaviour{}))
	t.Cleanup(func() {
		ctx, cancel := toTidyUp(t)
		defer cancel()
		if err := c.Delete(ctx); err != nil {
			t.Error(err)
		}
	})
	(&service{App: c.App, t: t, w: w}).awaitBaseline()
	return c
}

func (c *trial) announcement(d *daemon, id, version string, step int) event.Event {
	return event.Event{
		ID: id, Timestamp: time.Now().UTC(), Environment: d.Environment, Namespace: c.Namespace,
		Workload: c.Side(sampleapp.Stable).Workload(), Version: version, Strategy: event.StrategyCanary,
		Canary: c.Side(sampleapp.Trial).Workload(), Step: step,
	}
}

// patches are the changes that rollbackd made to a Deployment.
func (c *trial) patches(track string) []localstack.AuditEvent {
	c.t.Helper()
	s := &service{App: c.App, t: c.t, w: c.w}
	s.Name = c.Side(track).Workload()
	return s.rollbacks()
}

func (c *trial) requirePods(stable, canary int32) {
	c.t.Helper()
	gotStable, gotCanary, err := c.Pods(c.t.Context())
	require.NoError(c.t, err)
	require.Equal(c.t, []int32{stable, canary}, []int32{gotStable, gotCanary}, "the pods of the stable version and of the canary")
}

// TestBadCanaryIsScaledToZero: a canary fails a third of its requests, while the stable version beside it is well. Its pods
// are taken away, once, and the stable version is left as it is.
func TestBadCanaryIsScaledToZero(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, nil)
	c := newTrial(t, w)

	require.NoError(t, c.Try(t.Context(), "v2", sampleapp.FailingThird(), 1))
	publishEvent(t, d, c.announcement(d, "canary", "v2", 25))
	v := d.awaitState("canary", 90*time.Second, watch.RolledBack)

	c.requirePods(3, 0)
	require.Len(t, c.patches(sampleapp.Trial), 1)
	require.Empty(t, c.patches(sampleapp.Stable))
	live, err := c.Side(sampleapp.Trial).LiveVersion(t.Context())
	require.NoError(t, err)
	require.Equal(t, "v2", live, "the canary's template is left as it is")
	requireTimelineOf(t, d, v, "Error rate spike detected")
}

// TestHealthyCanaryThroughTwoSteps: each step is watched for the time of its own, and nothing is touched.
func TestHealthyCanaryThroughTwoSteps(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, func(s *settings) {
		s.Canary = "{steps: [{upTo: 25, watch: 10m}, {upTo: 100, watch: 20s}]}" // the first is over when the second begins
		s.Active = 10 * time.Second
	})
	c := newTrial(t, w)

	require.NoError(t, c.Try(t.Context(), "v2", sampleapp.Behaviour{}, 1))
	publishEvent(t, d, c.announcement(d, "steps", "v2", 25))
	d.await("steps", 30*time.Second, "measured", func(v watch.View) bool { return v.Verdict == "HEALTHY" })
	require.NoError(t, c.Scale(t.Context(), 3))
	raised := time.Now()
	publishEvent(t, d, c.announcement(d, "another", "v2", 50))
	d.await("steps", 10*time.Second, "at 50 %", func(v watch.View) bool { return v.Step == 50 })
	v := d.awaitState("steps", 60*time.Second, watch.Healthy)

	require.Len(t, d.watches(), 1, "the second step is no watch of its own")
	require.GreaterOrEqual(t, time.Since(raised), 20*time.Second, v.Reason)
	require.Contains(t, v.Reason, "watched for 20s")
	c.requirePods(3, 3)
	require.Empty(t, c.patches(sampleapp.Trial))
}

// TestCanaryThatIsLeftAlone: whatever is bad about it, a canary is not scaled that something else would scale up again, and
// one that gets nothing of the workload's traffic may not even be named.
func TestCanaryThatIsLeftAlone(t *testing.T) {
	w := onStack(t)
	d := newDaemon(t, w, nil)
	c := newTrial(t, w)
	s := &service{App: c.App, t: t, w: w}
	s.Name = c.Side(sampleapp.Stable).Workload()
	next := rejections(t, d, s)

	other := sampleapp.App{Client: w.client, Namespace: c.Namespace, Name: "cart", Replicas: 1, RPS: 1}
	require.NoError(t, other.Create(t.Context(), "v2", sampleapp.Behaviour{}))
	t.Cleanup(func() { _ = other.Delete(context.WithoutCancel(t.Context())) })
	foreign := c.announcement(d, "foreign", "v2", 5)
	foreign.Canary = other.Workload()
	publishEvent(t, d, foreign)
	v := d.awaitState("foreign", 20*time.Second, watch.Inconclusive)
	require.Contains(t, v.Reason, "no Service selects the pods of both")
	n := next()
	require.Equal(t, []any{event.CodeUnauthorised, "canary"}, []any{n.Code, n.Field})

	_, err := w.client.AutoscalingV2().HorizontalPodAutoscalers(c.Namespace).Create(t.Context(), &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Name: "canary"},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{MaxReplicas: 3, ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{
			APIVersion: "apps/v1", Kind: "Deployment", Name: c.Side(sampleapp.Trial).Workload(),
		}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	require.NoError(t, c.Try(t.Context(), "v2", sampleapp.FailingThird(), 1))
	publishEvent(t, d, c.announcement(d, "scaled", "v2", 25))
	v = d.awaitState("scaled", 90*time.Second, watch.Held)
	require.True(t, strings.Contains(v.Reason, "HorizontalPodAutoscaler") && strings.Contains(v.Reason, "canary.rollback"), v.Reason)
	c.requirePods(3, 1)
	require.Empty(t, c.patches(sampleapp.Trial))
}
