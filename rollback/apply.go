package rollback

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Apply carries out a plan. A Result is final, and detail says in a sentence how it came about. An error means that
// the outcome is unknown or that the refusal may pass: calling Apply again with the same intent is safe, because a
// patch that has landed is recognised and one that has not is a compare-and-swap.
func (c *Cluster) Apply(ctx context.Context, p Plan, intentID string) (result Result, detail string, err error) {
	live, err := c.get(ctx, p.Workload)
	if errors.Is(err, ErrNotFound) {
		return Failed, gone(p), nil
	}
	if refusedForGood(err) {
		return Failed, err.Error(), nil
	}
	if err != nil {
		return "", "", err
	}
	if result, detail = compare(p, newSnapshot(live), intentID); result != "" {
		return result, detail, nil
	}
	// The server compares byte by byte, and a plan may come from a journal written by an older server's answer.
	p.FromTemplate = live.Spec.Template
	p.HasAnnotations = len(live.Metadata.Annotations) > 0
	patchErr := c.patch(ctx, p, intentID)
	if patchErr == nil {
		return Landed, fmt.Sprintf("the API server accepted the template of ReplicaSet %s for %s", p.ToReplicaSet, p.Workload), nil
	}
	return c.explain(ctx, p, intentID, patchErr)
}

// Landed reports whether an intent has been carried out: its id is in the annotation and the live template is the
// target's. The annotation alone proves nothing, since kubectl rollout undo copies annotations back. The error is
// ErrNotFound if the workload is gone.
func (c *Cluster) Landed(ctx context.Context, p Plan, intentID string) (bool, error) {
	live, err := c.get(ctx, p.Workload)
	if err != nil {
		return false, err
	}
	return landed(p, newSnapshot(live), intentID), nil
}

func landed(p Plan, s Snapshot, intentID string) bool {
	return s.UID == p.WorkloadUID && s.Annotations[IntentAnnotation] == intentID && TemplatesEqual(s.Template, p.ToTemplate)
}

// compare tells whether the plan's outcome can be read off what is live; no result means that the plan still stands.
func compare(p Plan, s Snapshot, intentID string) (Result, string) {
	switch {
	case s.UID != p.WorkloadUID || s.Deleting:
		return Failed, gone(p)
	case landed(p, s, intentID):
		return Landed, fmt.Sprintf("%s has the template of ReplicaSet %s, put there by this intent", p.Workload, p.ToReplicaSet)
	case TemplatesEqual(s.Template, p.ToTemplate):
		return Superseded, fmt.Sprintf("%s already has the template of ReplicaSet %s, but somebody else put it there", p.Workload, p.ToReplicaSet)
	case !TemplatesEqual(s.Template, p.FromTemplate):
		return Superseded, fmt.Sprintf("%s now runs %s; the plan was made for revision %s", p.Workload, s.liveName(), p.FromRevision)
	case s.Revision != p.FromRevision:
		return Superseded, fmt.Sprintf("%s is at revision %s; the plan was made for revision %s", p.Workload, s.Revision, p.FromRevision)
	case s.Paused:
		return Superseded, fmt.Sprintf("%s was paused after the plan was made", p.Workload)
	}
	return "", ""
}

func (c *Cluster) patch(ctx context.Context, p Plan, intentID string) error {
	body, err := p.Patch(intentID)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	_, err = c.client.Resource(deploymentsResource()).Namespace(p.Workload.Namespace).
		Patch(ctx, p.Workload.Name, types.JSONPatchType, body, metav1.PatchOptions{FieldManager: FieldManager})
	return err
}

// explain finds out what a failed patch means. A failed test, an admission webhook's refusal and a patch that does not
// decode can all answer 422, so the workload is read again: if it changed, somebody was first; if it has our intent
// and the target, an earlier try of the same patch had landed.
func (c *Cluster) explain(ctx context.Context, p Plan, intentID string, patchErr error) (Result, string, error) {
	wrapped := fmt.Errorf("unable to patch Deployment %s: %w", p.Workload, patchErr)
	switch {
	case isGone(patchErr):
		return Failed, gone(p), nil
	case !refusedForGood(patchErr):
		return "", "", wrapped
	case statusCode(patchErr) != http.StatusUnprocessableEntity && statusCode(patchErr) != http.StatusBadRequest:
		return Failed, wrapped.Error(), nil
	}
	live, err := c.get(ctx, p.Workload)
	if errors.Is(err, ErrNotFound) {
		return Failed, gone(p), nil
	}
	if err != nil {
		return "", "", errors.Join(wrapped, err)
	}
	if result, detail := compare(p, newSnapshot(live), intentID); result != "" {
		return result, detail, nil
	}
	// The server's words for a failed test are "an error in our request", which alone would send people astray.
	return Failed, wrapped.Error() + " (the workload is still as the plan expects it)", nil
}

func gone(p Plan) string {
	return fmt.Sprintf("the workload is gone: %s was deleted, or deleted and made again", p.Workload)
}
