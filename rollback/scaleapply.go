package rollback

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// ScaleUp carries a ScalePlan out. Like that of Apply its result is final and an error is not, and calling it again is safe:
// it patches only a Deployment that wants as many replicas as when the plan was made, and what has as many as the plan
// wants, or more, is left as it is.
func (c *Cluster) ScaleUp(ctx context.Context, p ScalePlan) (result Result, detail string, err error) {
	if result, detail, err = c.lookAtScale(ctx, p); result != "" || err != nil {
		return result, detail, err
	}
	patchErr := c.patchScale(ctx, p)
	if patchErr == nil {
		return Landed, fmt.Sprintf("the API server accepted %d replicas for %s", p.To, p.Workload), nil
	}
	wrapped := fmt.Errorf("unable to scale %s: %w", p.Workload.workloadName(), patchErr)
	if !refusedForGood(patchErr) && !isGone(patchErr) {
		return "", "", wrapped
	}
	if result, detail, err = c.lookAtScale(ctx, p); result != "" || err != nil {
		return result, detail, err
	}
	return Failed, wrapped.Error(), nil
}

// lookAtScale tells what can be read off the Deployment; no result means that the plan still stands.
func (c *Cluster) lookAtScale(ctx context.Context, p ScalePlan) (Result, string, error) {
	live, err := c.get(ctx, p.Workload)
	if errors.Is(err, ErrNotFound) {
		return Failed, p.Workload.String() + " is gone", nil
	}
	if refusedForGood(err) {
		return Failed, err.Error(), nil
	}
	if err != nil {
		return "", "", err
	}
	switch s := c.snapshot(live); {
	case s.UID != p.WorkloadUID || s.Deleting:
		return Failed, p.Workload.String() + " is gone: it was deleted, or deleted and made again", nil
	case s.Replicas >= p.To:
		return Landed, fmt.Sprintf("%s is to have %d replicas", p.Workload, s.Replicas), nil
	case s.Replicas != p.From:
		return Superseded, fmt.Sprintf("somebody else scaled %s to %d replicas; the plan was made for %d", p.Workload, s.Replicas, p.From), nil
	}
	return "", "", nil
}

func (c *Cluster) patchScale(ctx context.Context, p ScalePlan) error {
	body, err := json.Marshal([]operation{
		{"test", "/metadata/uid", p.WorkloadUID},
		{"test", "/spec/replicas", p.From},
		{"replace", "/spec/replicas", p.To},
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	_, err = c.client.Resource(p.Workload.Kind.resource()).Namespace(p.Workload.Namespace).
		Patch(ctx, p.Workload.Name, types.JSONPatchType, body, metav1.PatchOptions{FieldManager: FieldManager})
	return err
}

func autoscalersResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "autoscaling", Version: "v2", Resource: "horizontalpodautoscalers"}
}

// horizontalPodAutoscaler is what is read of one.
type horizontalPodAutoscaler struct {
	Metadata metav1.ObjectMeta `json:"metadata"`
	Spec     struct {
		ScaleTargetRef struct {
			Kind string `json:"kind"`
			Name string `json:"name"`
		} `json:"scaleTargetRef"`
		MinReplicas *int32 `json:"minReplicas"`
		MaxReplicas int32  `json:"maxReplicas"`
	} `json:"spec"`
}

// inspectAutoscaler looks for the autoscaler of a Deployment.
func (c *Cluster) inspectAutoscaler(ctx context.Context, w Workload, found *Inspection) error {
	objects, err := c.list(ctx, autoscalersResource(), w.Namespace, "")
	if IsForbidden(err) {
		found.Unchecked = append(found.Unchecked, "whether an autoscaler limits "+w.String()+" could not be checked: rollbackd may not list them")
		return nil
	}
	if err != nil {
		return fmt.Errorf("unable to list the HorizontalPodAutoscalers of namespace %s: %w", w.Namespace, err)
	}
	for _, object := range objects {
		var hpa horizontalPodAutoscaler
		if err := readInto(object, &hpa); err != nil {
			return err
		}
		if ref := hpa.Spec.ScaleTargetRef; ref.Kind != w.Kind.String() || ref.Name != w.Name {
			continue
		}
		a := Autoscaler{Name: hpa.Metadata.Name, Min: 1, Max: hpa.Spec.MaxReplicas}
		if hpa.Spec.MinReplicas != nil {
			a.Min = *hpa.Spec.MinReplicas
		}
		found.Autoscaler = &a
		return nil
	}
	return nil
}
