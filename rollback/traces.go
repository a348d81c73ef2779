package rollback

import (
	"encoding/json"
	"strings"
	"time"
	"unicode"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Traces are what its writers leave on an object. Whoever may write the object chose them, so Owners cleans what it
// takes from them.
type Traces struct {
	Labels      map[string]string
	Annotations map[string]string
	// Controller is the object that controls this one, nil if none does.
	Controller *metav1.OwnerReference
	// Writers are those that the API server knows to have written fields, in its order. A cache does not have them.
	Writers []Writer
}

// Writer is an entry of an object's managedFields.
type Writer struct {
	Manager string `json:"manager"`
	// Operation is Apply or Update.
	Operation   string `json:"operation"`
	Subresource string `json:"subresource,omitempty"`
	// At is when this writer last changed anything; zero if the API server does not say.
	At time.Time `json:"at,omitzero"`
	// ownsWhatRuns is set if the writer owns something in the pod template or in the selector of a Service, ownsReplicas
	// if it owns the number of replicas.
	ownsWhatRuns, ownsReplicas bool
}

func newTraces(meta metav1.ObjectMeta) Traces {
	t := Traces{Labels: meta.Labels, Annotations: meta.Annotations, Controller: metav1.GetControllerOfNoCopy(&meta)}
	for _, e := range meta.ManagedFields {
		t.Writers = append(t.Writers, newWriter(e))
	}
	return t
}

func newWriter(e metav1.ManagedFieldsEntry) Writer {
	w := Writer{Manager: e.Manager, Operation: string(e.Operation), Subresource: e.Subresource}
	if e.Time != nil {
		w.At = e.Time.UTC()
	}
	var fields struct {
		Spec struct {
			Template json.RawMessage `json:"f:template"`
			Selector json.RawMessage `json:"f:selector"`
			Replicas json.RawMessage `json:"f:replicas"`
		} `json:"f:spec"`
	}
	if e.FieldsV1 != nil && json.Unmarshal(e.FieldsV1.GetRawBytes(), &fields) == nil {
		w.ownsWhatRuns = fields.Spec.Template != nil || fields.Spec.Selector != nil
		w.ownsReplicas = fields.Spec.Replicas != nil
	}
	return w
}

// lastWriter returns who wrote last among those that own what runs, rollbackd aside; nil if the traces do not tell.
func (t Traces) lastWriter() *Writer {
	var last *Writer
	for i := range t.Writers {
		w := &t.Writers[i]
		if !w.ownsWhatRuns || w.Manager == FieldManager || last != nil && !w.At.After(last.At) {
			continue
		}
		last = w
	}
	if last == nil {
		return nil
	}
	return &Writer{Manager: cleanName(last.Manager), Operation: cleanName(last.Operation), At: last.At}
}

// LastWriter returns who last wrote what runs, rollbackd aside: the pod template, or for a switch the selector. It is nil
// if the snapshot does not tell.
func (s Snapshot) LastWriter() *Writer {
	if s.Switch != nil {
		return s.Switch.Traces.lastWriter()
	}
	return s.Traces.lastWriter()
}

// longestName bounds, in runes, what is shown of a name that others chose: Kubernetes' own names have at most 253.
const longestName = 253

// cleanName makes a name that others chose fit for one line of text: without control characters or characters that
// reorder text, and bounded.
func cleanName(name string) string {
	var b strings.Builder
	runes := 0
	for _, r := range name {
		if unicode.IsControl(r) || unicode.IsSpace(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) || r == unicode.ReplacementChar {
			r = '_'
		}
		if runes == longestName {
			b.WriteRune('…')
			break
		}
		b.WriteRune(r)
		runes++
	}
	return b.String()
}
