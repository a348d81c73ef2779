package sampleapp

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// The two Deployments of a service that is brought out by canaries.
const (
	Stable = "stable"
	Trial  = "canary"
)

// Canary is a service with a canary beside it: two Deployments, whose pods share the load of one Service.
type Canary struct {
	App
}

// Side returns one of the two Deployments.
func (c Canary) Side(track string) App {
	side := c.App
	side.Colour = track
	return side
}

// Create makes the stable Deployment and the Service, and waits until it is rolled out. There is no canary then.
func (c Canary) Create(ctx context.Context, version string, b Behaviour) error {
	stable := c.Side(Stable)
	if err := stable.createDeployment(ctx, version, b); err != nil {
		return err
	}
	if _, err := c.Client.CoreV1().Services(c.Namespace).Create(ctx, c.service(), metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("create Service %s/%s: %w", c.Namespace, c.Name, err)
	}
	return stable.AwaitRollout(ctx)
}

// Try makes the canary with a version and so many pods, and waits until it is rolled out.
func (c Canary) Try(ctx context.Context, version string, b Behaviour, pods int32) error {
	trial := c.Side(Trial)
	trial.Replicas = pods
	if err := trial.createDeployment(ctx, version, b); err != nil {
		return err
	}
	return trial.AwaitRollout(ctx)
}

// Scale changes how many pods the canary has.
func (c Canary) Scale(ctx context.Context, pods int32) error {
	patch := fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, pods)
	_, err := c.Client.AppsV1().Deployments(c.Namespace).Patch(ctx, c.Side(Trial).Workload(), types.StrategicMergePatchType, patch,
		metav1.PatchOptions{FieldManager: "deploy-tool"})
	if err != nil {
		return fmt.Errorf("scale the canary of %s/%s: %w", c.Namespace, c.Name, err)
	}
	return nil
}

// Pods reads from the API server how many pods the two Deployments are to have.
func (c Canary) Pods(ctx context.Context) (stable, trial int32, err error) {
	for track, pods := range map[string]*int32{Stable: &stable, Trial: &trial} {
		d, err := c.Client.AppsV1().Deployments(c.Namespace).Get(ctx, c.Side(track).Workload(), metav1.GetOptions{})
		if err != nil {
			return 0, 0, err
		}
		*pods = *d.Spec.Replicas
	}
	return stable, trial, nil
}

// Delete removes the Service and both Deployments.
func (c Canary) Delete(ctx context.Context) error {
	background := metav1.DeletePropagationBackground
	err := c.Client.AppsV1().Deployments(c.Namespace).Delete(ctx, c.Side(Trial).Workload(), metav1.DeleteOptions{PropagationPolicy: &background})
	if err != nil {
		return err
	}
	return c.Side(Stable).Delete(ctx)
}
