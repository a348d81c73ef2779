package rollback

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// retries is how often Apply tries again when something changed that its plan does not care about.
const retries = 2

// Apply carries out a plan. A Result is final, and detail says in a sentence how it came about. An error means that
// the outcome is unknown or that the refusal may pass: calling Apply again with the same intent is safe, because a
// patch that has landed is recognised and one that has not is a compare-and-swap.
func (c *Cluster) Apply(ctx context.Context, p Plan, intentID string) (result Result, detail string, err error) {
	now, err := c.look(ctx, p, intentID)
	if refusedForGood(err) {
		return Failed, err.Error(), nil
	}
	var patchErr error
	for tries := 0; err == nil && now.result == "" && tries <= retries; tries++ {
		if patchErr = c.patch(ctx, now.plan, intentID); patchErr == nil {
			return Landed, accepted(p), nil
		}
		now, err = c.explain(ctx, now.plan, intentID, patchErr)
	}
	if err == nil && now.result == "" {
		err = fmt.Errorf("%s changed at every try, though in nothing that matters: %w", p.patched(), patchErr)
	}
	return now.result, now.detail, err
}

// Landed reports whether an intent has been carried out, even if what it brought was changed again since. Its id in the
// annotation proves that, because one patch writes both. It may be gone all the same: kubectl rollout undo puts back the
// annotations of another ReplicaSet. The error is ErrNotFound if the workload is gone; on a Service that is gone nothing
// has landed.
func (c *Cluster) Landed(ctx context.Context, p Plan, intentID string) (bool, error) {
	if p.Switch != nil {
		live, err := c.getService(ctx, p.Workload.Namespace, p.Switch.Switch)
		return err == nil && p.Switch.landed(*live, intentID), err
	}
	live, err := c.get(ctx, p.Workload)
	if err != nil {
		return false, err
	}
	return landed(p, c.snapshot(live), intentID), nil
}

// sight is what a look at the live object says of a plan: its outcome, or else the plan with the preconditions that hold
// for the object as it is now.
type sight struct {
	plan   Plan
	result Result
	detail string
}

// look reads what a plan is about to change.
func (c *Cluster) look(ctx context.Context, p Plan, intentID string) (sight, error) {
	if p.Switch != nil {
		return c.lookAtService(ctx, p, intentID)
	}
	live, err := c.get(ctx, p.Workload)
	if errors.Is(err, ErrNotFound) {
		return sight{result: Failed, detail: gone(p)}, nil
	}
	if err != nil {
		return sight{}, err
	}
	if p.unsettled(c.snapshot(live)) {
		return sight{}, fmt.Errorf("%s was changed after the plan was made, and its controller has not looked at that yet", p.Workload)
	}
	result, detail := compare(p, c.snapshot(live), intentID)
	// The server compares byte by byte, and a plan may come from a journal written by an older server's answer.
	p.FromTemplate = live.Spec.Template
	p.HasAnnotations = len(live.Metadata.Annotations) > 0
	p.Resumes = c.snapshot(live).OwnPause // it may have been paused, or have gone on, since the plan was made
	p = p.scaledFrom(c.snapshot(live).Replicas)
	return sight{plan: p, result: result, detail: detail}, nil
}

func landed(p Plan, s Snapshot, intentID string) bool {
	return s.UID == p.WorkloadUID && s.Annotations[IntentAnnotation] == intentID
}

// compare tells whether the plan's outcome can be read off what is live; no result means that the plan still stands.
func compare(p Plan, s Snapshot, intentID string) (Result, string) {
	if p.scales() {
		return compareScale(p, s, intentID)
	}
	switch {
	case s.UID != p.WorkloadUID || s.Deleting:
		return Failed, gone(p)
	case landed(p, s, intentID) && !TemplatesEqual(s.Template, p.ToTemplate):
		return Landed, fmt.Sprintf("%s was given the template of ReplicaSet %s by this intent, and was changed again since", p.Workload, p.ToReplicaSet)
	case landed(p, s, intentID):
		return Landed, fmt.Sprintf("%s has the template of %s, put there by this intent", p.Workload, p.target())
	case TemplatesEqual(s.Template, p.ToTemplate):
		return Superseded, fmt.Sprintf("%s already has the template of %s, but somebody else put it there", p.Workload, p.target())
	case p.restarted(s):
		return Outdated, p.restartedWords()
	case !TemplatesEqual(s.Template, p.FromTemplate):
		return Superseded, fmt.Sprintf("%s now runs %s; the plan was made for revision %s", p.Workload, s.liveName(), p.FromRevision)
	case p.Workload.Kind == KindDeployment && s.Revision != p.FromRevision:
		return Superseded, fmt.Sprintf("%s is at revision %s; the plan was made for revision %s", p.Workload, s.Revision, p.FromRevision)
	case s.Paused && s.OwnPause == nil:
		return Superseded, fmt.Sprintf("%s was paused after the plan was made", p.Workload)
	}
	return "", ""
}

func (c *Cluster) patch(ctx context.Context, p Plan, intentID string, dryRun ...string) error {
	body, err := p.Patch(intentID)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	resource, name := p.object()
	_, err = c.client.Resource(resource).Namespace(p.Workload.Namespace).
		Patch(ctx, name, types.JSONPatchType, body, metav1.PatchOptions{FieldManager: FieldManager, DryRun: dryRun})
	return err
}

// explain finds out what a failed patch means. A failed test, an admission webhook's refusal and a patch that does not
// decode can all answer 422, so the object is read again: if it changed, somebody was first; if it has our intent and
// the target, an earlier try of the same patch had landed. Without a result the patch deserves another try.
func (c *Cluster) explain(ctx context.Context, p Plan, intentID string, patchErr error) (sight, error) {
	wrapped := fmt.Errorf("unable to patch %s: %w", p.patched(), patchErr)
	switch {
	case isGone(patchErr):
		return sight{result: Failed, detail: gone(p)}, nil
	case !refusedForGood(patchErr):
		return sight{}, wrapped
	case statusCode(patchErr) != http.StatusUnprocessableEntity && statusCode(patchErr) != http.StatusBadRequest:
		return sight{result: Failed, detail: wrapped.Error()}, nil
	}
	now, err := c.look(ctx, p, intentID)
	if err != nil {
		return sight{}, errors.Join(wrapped, err)
	}
	if now.result == "" && !now.plan.refreshed(p) {
		// The server's words for a failed test are "an error in our request", which alone would send people astray.
		now.result, now.detail = Failed, wrapped.Error()+" (everything is still as the plan expects it)"
	}
	return now, nil
}

// object names what the plan patches.
func (p Plan) object() (resource schema.GroupVersionResource, name string) {
	if p.Switch != nil {
		return servicesResource(), p.Switch.Service
	}
	return p.Workload.Kind.resource(), p.Workload.Name
}

// patched is how people are told of what the plan patches.
func (p Plan) patched() string {
	if p.Switch != nil {
		return serviceName(p.Workload.Namespace, p.Switch.Switch)
	}
	return p.Workload.workloadName()
}

// target names the object whose template is put back.
func (p Plan) target() string { return p.Workload.Kind.revisionKind() + " " + p.ToReplicaSet }

func accepted(p Plan) string {
	if p.Switch != nil {
		return fmt.Sprintf("the API server accepted %s=%s in the selector of %s", p.Switch.SelectorKey, p.Switch.From, p.patched())
	}
	if p.scales() {
		return fmt.Sprintf("the API server accepted 0 replicas for %s", p.Workload)
	}
	return fmt.Sprintf("the API server accepted the template of %s for %s", p.target(), p.Workload)
}

func gone(p Plan) string {
	if p.Switch != nil {
		return p.patched() + " is gone: it was deleted, or deleted and made again"
	}
	return fmt.Sprintf("the workload is gone: %s was deleted, or deleted and made again", p.Workload)
}
