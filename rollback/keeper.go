package rollback

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Keeper is the object by which a tool keeps what it applies, as far as it says whether the tool would undo a rollback
// and whether it can be held: an Argo CD Application or a Flux HelmRelease.
type Keeper struct {
	// Unread says why it could not be read, empty if it was.
	Unread string
	UID    string
	// Reverts and Why are as of Owner.
	Reverts Reverts
	Why     string
	// Was is the value of the field that holds it, nil if it is not there.
	Was *bool
	// ManagedBy names what would set that field back; empty if nothing does.
	ManagedBy string
}

// Keeper reads the object of an owner of what the plan patches. If there is none, or it does not know the patched object, the
// Keeper says so; an error means that asking again may help.
func (c *Cluster) Keeper(ctx context.Context, p Plan, o Owner) (Keeper, error) {
	kind, ok := o.keeper()
	if !ok || o.Name == "" || !o.named() {
		return Keeper{Unread: "the object does not name it"}, nil
	}
	object, err := c.getKeeper(ctx, o)
	switch {
	case apierrors.IsNotFound(err):
		return Keeper{Unread: fmt.Sprintf("the cluster has no %s in namespace %s", o, c.keeperNamespace(o))}, nil
	case IsForbidden(err):
		return Keeper{Unread: "the API server forbids to read it"}, nil
	case err != nil:
		return Keeper{}, err
	case !keeps(o.Kind, object, p):
		// Whoever may mark the workload must not be able to have any tool of the cluster held.
		return Keeper{Unread: fmt.Sprintf("%s does not know %s", o, p.patched())}, nil
	}
	k := Keeper{UID: string(object.GetUID()), Was: boolAt(object, kind.field)}
	if object.GetAnnotations()[HoldAnnotation] != "" && equalBool(k.Was, &kind.to) {
		// It will be let go, so that this rollback must hold it too. What it was before is no longer known, but was no hold.
		k.Reverts, k.Why, k.Was = RevertsYes, "an earlier rollback holds it", nil
	} else {
		k.Reverts, k.Why = wouldRevert(o.Kind, object)
	}
	k.ManagedBy = managedBy(object, k.Was)
	return k, nil
}

func (c *Cluster) getKeeper(ctx context.Context, o Owner) (*unstructured.Unstructured, error) {
	kind, _ := o.keeper()
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	object, err := c.client.Resource(kind.resource).Namespace(c.keeperNamespace(o)).Get(ctx, o.Name, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("unable to read %s: %w", o, err)
	}
	return object, nil
}

// keeperNamespace is where an owner's object is. Of an Application in Argo CD's own namespace the workload does not tell.
func (c *Cluster) keeperNamespace(o Owner) string {
	if o.Namespace == "" && o.Kind == OwnerArgoCD {
		return c.options.ArgoCDNamespace
	}
	return o.Namespace
}

// keeps reports whether a tool's object is really about what the plan patches: an Application lists it, and a HelmRelease
// installs into its namespace.
func keeps(kind OwnerKind, object *unstructured.Unstructured, p Plan) bool {
	if kind == OwnerFluxHelmRelease {
		into, _, _ := unstructured.NestedString(object.Object, "spec", "targetNamespace") // of another type it is none
		if into == "" {
			into = object.GetNamespace()
		}
		return into == p.Workload.Namespace
	}
	resource, name := p.object()
	kindOf := "Deployment"
	if p.Switch != nil {
		kindOf = "Service"
	}
	listed, _, _ := unstructured.NestedSlice(object.Object, "status", "resources")
	return slices.ContainsFunc(listed, func(entry any) bool {
		has, _ := entry.(map[string]any)
		group, _ := has["group"].(string)
		return group == resource.Group && has["kind"] == kindOf && has["namespace"] == p.Workload.Namespace && has["name"] == name
	})
}

// wouldRevert tells from a tool's object whether the tool puts back what it applied.
func wouldRevert(kind OwnerKind, object *unstructured.Unstructured) (Reverts, string) {
	if kind == OwnerArgoCD {
		automated, found, _ := unstructured.NestedMap(object.Object, "spec", "syncPolicy", "automated") // of another type it is none
		if !found || automated == nil || automated["enabled"] == false {
			return RevertsNo, "its automated sync is off"
		}
		return RevertsYes, "its automated sync is on"
	}
	if suspended := boolAt(object, []string{"spec", "suspend"}); suspended != nil && *suspended {
		return RevertsNo, "it is suspended"
	}
	mode, _, _ := unstructured.NestedString(object.Object, "spec", "driftDetection", "mode")
	if mode != "enabled" {
		return RevertsNo, "its drift detection does not correct anything"
	}
	return RevertsYes, "its drift detection is enabled"
}

// managedBy names who would set the field of a hold back: an ApplicationSet always, and a GitOps tool if it has set the
// field itself.
func managedBy(object *unstructured.Unstructured, was *bool) string {
	for _, owner := range object.GetOwnerReferences() {
		if owner.Kind == "ApplicationSet" {
			return "ApplicationSet " + cleanName(owner.Name)
		}
	}
	if was == nil {
		return ""
	}
	traces := Traces{Labels: object.GetLabels(), Annotations: object.GetAnnotations(), Controller: metav1.GetControllerOfNoCopy(object)}
	for _, o := range traces.Owners() {
		if o.mayRevert() {
			return o.String()
		}
	}
	return ""
}

// boolAt returns a boolean of an object, nil if it is not there.
func boolAt(object *unstructured.Unstructured, path []string) *bool {
	value, found, err := unstructured.NestedBool(object.Object, path...)
	if err != nil || !found {
		return nil
	}
	return &value
}
