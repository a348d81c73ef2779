package rollback

import (
	"context"
	"errors"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ErrNoDryRun is the error of Preview where the API server cannot tell without carrying the patch out, because an
// admission webhook has side effects.
var ErrNoDryRun = errors.New("the API server cannot try it without carrying it out")

// Preview asks the API server what it would say to the plan's patch, by a server-side dry run of that very patch: nothing
// is stored. The objection is what an admission webhook or policy, a quota on workloads or the API server's own rules have
// against it, or that the plan is no longer up to date; it is empty if there is none. An error means that it is not known.
//
// No objection is no promise: quotas and policies for pods are asked only when the controller makes the pods.
func (c *Cluster) Preview(ctx context.Context, p Plan) (objection string, err error) {
	// The patch that is tried names an intent too, so that it is of the same form; nobody ever finds this one.
	const intent = "preview"
	var patchErr error
	for range 1 + retries {
		now, err := c.look(ctx, p, intent)
		if err != nil || now.result != "" {
			return escapeLine(now.detail), err
		}
		p, patchErr = now.plan, c.patch(ctx, now.plan, intent, metav1.DryRunAll)
		switch {
		case patchErr == nil:
			return "", nil
		case cannotDryRun(patchErr):
			return "", fmt.Errorf("%w: %w", ErrNoDryRun, patchErr)
		case !refusedForGood(patchErr) && !isGone(patchErr):
			return "", fmt.Errorf("unable to try the patch of %s: %w", p.patched(), patchErr)
		}
	}
	return escapeLine(patchErr.Error()), nil
}

// cannotDryRun tells the API server's refusal to ask a webhook that has side effects (apiserver, plugin/webhook/errors).
func cannotDryRun(err error) bool {
	return statusCode(err) != 0 && strings.Contains(err.Error(), "does not support dry run")
}

// escapeLine makes a server's words one harmless line.
func escapeLine(text string) string {
	return strings.ReplaceAll(escapeLines(text), "\n", `\n`)
}
