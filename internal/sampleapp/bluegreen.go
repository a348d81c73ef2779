package sampleapp

import (
	"context"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// ColourLabel is the label by which the Service of a blue-green pair chooses between them.
const ColourLabel = "colour"

// The colours.
const (
	Blue  = "blue"
	Green = "green"
)

// BlueGreen is a service in two colours: two Deployments, and one Service that sends its load to one of them.
type BlueGreen struct {
	App
}

// Side returns the Deployment of a colour.
func (b BlueGreen) Side(colour string) App {
	side := b.App
	side.Colour = colour
	return side
}

// Create makes both colours at the same version and sends the traffic to blue.
func (b BlueGreen) Create(ctx context.Context, version string, behaviour Behaviour) error {
	green := b.Side(Green)
	if err := green.createDeployment(ctx, version, behaviour); err != nil {
		return err
	}
	if err := b.Side(Blue).Create(ctx, version, behaviour); err != nil {
		return err
	}
	return green.AwaitRollout(ctx)
}

// Switch sends the traffic to a colour, as the runbook's kubectl patch does.
func (b BlueGreen) Switch(ctx context.Context, colour string) error {
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"selector": map[string]string{ColourLabel: colour}}})
	if err != nil {
		return err
	}
	_, err = b.Client.CoreV1().Services(b.Namespace).Patch(ctx, b.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{FieldManager: "deploy-tool"})
	if err != nil {
		return fmt.Errorf("switch Service %s/%s to %s: %w", b.Namespace, b.Name, colour, err)
	}
	return nil
}

// LiveColour reads from the API server which colour gets the traffic.
func (b BlueGreen) LiveColour(ctx context.Context) (string, error) {
	s, err := b.Client.CoreV1().Services(b.Namespace).Get(ctx, b.Name, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	return s.Spec.Selector[ColourLabel], nil
}

// Delete removes the Service and both Deployments.
func (b BlueGreen) Delete(ctx context.Context) error {
	background := metav1.DeletePropagationBackground
	err := b.Client.AppsV1().Deployments(b.Namespace).Delete(ctx, b.Side(Green).Workload(), metav1.DeleteOptions{PropagationPolicy: &background})
	if err != nil {
		return err
	}
	return b.Side(Blue).Delete(ctx)
}
