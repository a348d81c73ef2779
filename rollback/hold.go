package rollback

import (
	"encoding/json"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Hold is how one owner is kept from undoing a rollback, in the way that its tool documents. It is either an annotation
// of the object that the rollback patches, set by the same patch, or a field of the owner's own object, set before.
type Hold struct {
	Owner Owner `json:"owner"`
	// Annotation is set to Value; WasAnnotation is what it was before, empty if there was none.
	Annotation    string `json:"annotation,omitempty"`
	Value         string `json:"value,omitempty"`
	WasAnnotation string `json:"wasAnnotation,omitempty"`
	// Field is a boolean of the owner's own object that is set to To; Was is what it was before, nil if it was not there.
	// UID is the object's.
	Field []string `json:"field,omitempty"`
	UID   string   `json:"uid,omitempty"`
	To    bool     `json:"to,omitempty"`
	Was   *bool    `json:"was,omitempty"`
}

// HoldAnnotation is the annotation that names the intent for which rollbackd holds an owner. It is on the object that has the
// hold: the workload, the Service or the owner's own. By it a hold of an earlier rollback is told from a person's doing.
const HoldAnnotation = "rollbackd.io/held-for"

// Beforehand reports whether the hold must be placed before the rollback is patched in.
func (h Hold) Beforehand() bool { return len(h.Field) > 0 }

// String says what the hold is.
func (h Hold) String() string {
	if h.Beforehand() {
		value := "false"
		if h.To {
			value = "true"
		}
		return strings.Join(h.Field, ".") + "=" + value + " of " + h.Owner.String()
	}
	return "annotation " + h.Annotation + "=" + h.Value + " against " + h.Owner.String()
}

// annotations are those that the rollback's own patch sets.
func (p Plan) annotations(intentID string) map[string]string {
	out := map[string]string{IntentAnnotation: intentID}
	for _, h := range p.Holds {
		if !h.Beforehand() {
			out[h.Annotation], out[HoldAnnotation] = h.Value, intentID
		}
	}
	return out
}

// letGo is the JSON patch that takes the annotation of a hold back. It fails if the object or the hold is no longer what
// the intent left.
func (h Hold) letGo(uid, intentID string) ([]byte, error) {
	path := pointer("metadata", "annotations", h.Annotation)
	mark := pointer("metadata", "annotations", HoldAnnotation)
	operations := []operation{
		{"test", "/metadata/uid", uid},
		{"test", mark, intentID},
		{"test", path, h.Value},
		{Op: "remove", Path: mark},
	}
	if h.WasAnnotation != "" {
		return json.Marshal(append(operations, operation{"replace", path, h.WasAnnotation}))
	}
	return json.Marshal(append(operations, operation{Op: "remove", Path: path}))
}

// keeperKind says where a tool keeps what it applies, and which of its fields holds it off.
type keeperKind struct {
	resource schema.GroupVersionResource
	field    []string
	// to is the value that holds the tool off.
	to bool
}

// keeper returns where an owner that is held by its own object is held.
//
// A HelmRelease is suspended, although Flux documents an annotation too: helm-controller looks for that in the manifests
// that the chart renders, and never at what is live.
func (o Owner) keeper() (keeperKind, bool) {
	switch o.Kind {
	case OwnerArgoCD:
		return keeperKind{
			resource: schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "applications"},
			field:    []string{"spec", "syncPolicy", "automated", "enabled"},
		}, true
	case OwnerFluxHelmRelease:
		return keeperKind{
			resource: schema.GroupVersionResource{Group: helmGroup, Version: "v2", Resource: "helmreleases"},
			field:    []string{"spec", "suspend"},
			to:       true,
		}, true
	}
	return keeperKind{}, false
}

// merge is a JSON merge patch (RFC 7396) of the keeper's field and of the annotation that explains it; nil removes.
func (h Hold) merge(resourceVersion string, value *bool, heldFor *string) ([]byte, error) {
	var nested any = value
	for _, name := range slices.Backward(h.Field) {
		nested = map[string]any{name: nested}
	}
	patch, _ := nested.(map[string]any)
	patch["metadata"] = map[string]any{"resourceVersion": resourceVersion, "annotations": map[string]any{HoldAnnotation: heldFor}}
	return json.Marshal(patch)
}
