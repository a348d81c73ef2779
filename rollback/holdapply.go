package rollback

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// Held is what came of placing a hold.
type Held struct {
	// Refused says why it cannot be placed, empty if it has been.
	Refused string
	// Detail says in a sentence how it came about.
	Detail string
}

// PlaceHold holds an owner by its own object, for an intent. An error means that the outcome is unknown or that trying
// again may help; it is safe to call again with the same intent.
func (c *Cluster) PlaceHold(ctx context.Context, h Hold, intentID string) (Held, error) {
	object, err := c.getKeeper(ctx, h.Owner)
	if err == nil && string(object.GetUID()) != h.UID {
		return Held{Refused: h.Owner.String() + " was deleted and made again"}, nil
	}
	if err == nil && equalBool(boolAt(object, h.Field), &h.To) && object.GetAnnotations()[HoldAnnotation] == intentID {
		return Held{Detail: h.String() + ", found in place"}, nil
	}
	if err == nil {
		object, err = c.patchKeeper(ctx, h, object, &h.To, &intentID)
	}
	switch {
	case apierrors.IsNotFound(err) || refusedForGood(err):
		return Held{Refused: err.Error()}, nil
	case err != nil:
		return Held{}, err
	case !equalBool(boolAt(object, h.Field), &h.To):
		// An API server drops a field that the tool's definition does not have, and calls that a success.
		return Held{Refused: fmt.Sprintf("this version of the tool does not know %s (Argo CD does from 3.1 on)", h)}, c.undo(ctx, h, object)
	}
	return Held{Detail: h.String()}, nil
}

// undo takes the annotation of a hold off that turned out to hold nothing.
func (c *Cluster) undo(ctx context.Context, h Hold, object *unstructured.Unstructured) error {
	_, err := c.patchKeeper(ctx, h, object, h.Was, nil)
	return err
}

// LetGo undoes the hold of an intent and says in a few words what that was, or why there was nothing to undo. A hold that is no longer there, or that
// somebody else has changed or taken over, needs no undoing. It is safe to call again after an error.
func (c *Cluster) LetGo(ctx context.Context, p Plan, h Hold, intentID string) (string, error) {
	if h.Beforehand() {
		return c.letKeeperGo(ctx, h, intentID)
	}
	return c.dropAnnotation(ctx, p, h, intentID)
}

func (c *Cluster) letKeeperGo(ctx context.Context, h Hold, intentID string) (string, error) {
	object, err := c.getKeeper(ctx, h.Owner)
	switch {
	case apierrors.IsNotFound(err):
		return h.Owner.String() + " is gone", nil
	case err != nil:
		return "", err
	case string(object.GetUID()) != h.UID || object.GetAnnotations()[HoldAnnotation] != intentID:
		return "somebody else has ended it or taken it over: " + h.String(), nil
	}
	back := h.Was
	if !equalBool(boolAt(object, h.Field), &h.To) {
		back = boolAt(object, h.Field) // somebody has set it since, and only our annotation is left
	}
	if _, err := c.patchKeeper(ctx, h, object, back, nil); err != nil {
		return "", err
	}
	return h.String(), nil
}

// patchKeeper sets the field of a hold, or removes it for nil, in an object that is still as it was read.
func (c *Cluster) patchKeeper(ctx context.Context, h Hold, object *unstructured.Unstructured, value *bool, heldFor *string) (*unstructured.Unstructured, error) {
	body, err := h.merge(object.GetResourceVersion(), value, heldFor)
	if err != nil {
		return nil, err
	}
	kind, _ := h.Owner.keeper()
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	object, err = c.client.Resource(kind.resource).Namespace(c.keeperNamespace(h.Owner)).
		Patch(ctx, h.Owner.Name, types.MergePatchType, body, metav1.PatchOptions{FieldManager: FieldManager})
	if err != nil {
		return nil, fmt.Errorf("unable to patch %s: %w", h.Owner, err)
	}
	return object, nil
}

// dropAnnotation takes back the annotation that came with the rollback's own patch.
func (c *Cluster) dropAnnotation(ctx context.Context, p Plan, h Hold, intentID string) (string, error) {
	uid, annotations, err := c.patchedObject(ctx, p)
	switch {
	case errors.Is(err, ErrNotFound) || err == nil && uid == "":
		return p.patched() + " is gone", nil
	case err != nil:
		return "", err
	case annotations[HoldAnnotation] != intentID || annotations[h.Annotation] != h.Value:
		return "somebody else has ended it or taken it over: " + h.String(), nil
	}
	body, err := h.letGo(uid, intentID)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	resource, name := p.object()
	_, err = c.client.Resource(resource).Namespace(p.Workload.Namespace).
		Patch(ctx, name, types.JSONPatchType, body, metav1.PatchOptions{FieldManager: FieldManager})
	if statusCode(err) == http.StatusUnprocessableEntity {
		err = fmt.Errorf("%s changed at the same time: %w", p.patched(), err)
	}
	if err != nil {
		return "", fmt.Errorf("unable to undo %s: %w", h, err)
	}
	return h.String(), nil
}

// patchedObject reads what a plan patches.
func (c *Cluster) patchedObject(ctx context.Context, p Plan) (uid string, annotations map[string]string, err error) {
	if p.Switch != nil {
		live, err := c.getService(ctx, p.Workload.Namespace, p.Switch.Switch)
		return live.ServiceUID, live.Annotations, err
	}
	live, err := c.get(ctx, p.Workload)
	return string(live.Metadata.UID), live.Metadata.Annotations, err
}

func equalBool(a, b *bool) bool { return a == b || a != nil && b != nil && *a == *b }
