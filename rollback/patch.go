package rollback

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// IntentAnnotation is the annotation of a Deployment or Service that names the intent by which rollbackd last patched it.
const IntentAnnotation = "rollbackd.io/intent"

// operation is one operation of a JSON patch (RFC 6902).
type operation struct {
	Op   string `json:"op"`
	Path string `json:"path"`
	// Value is always written: a test for null is a test that there is nothing.
	Value any `json:"value"`
}

// Patch returns the plan as a JSON patch that is a compare-and-swap. It changes the template of a Deployment only of the
// same object, at the same revision and with the same template that the plan was made for; the selector of a Service
// only of the same object, unchanged in any way.
func (p Plan) Patch(intentID string) ([]byte, error) {
	operations, err := p.swap()
	if err != nil {
		return nil, err
	}
	return json.Marshal(append(operations, p.annotate(intentID)...))
}

func (p Plan) swap() ([]operation, error) {
	if p.Switch != nil {
		return p.Switch.swap(), nil
	}
	if p.scales() {
		return p.scaleToZero()
	}
	from, err := canonical(p.FromTemplate)
	if err != nil {
		return nil, fmt.Errorf("unable to read the live template of %s: %w", p.Workload, err)
	}
	to, err := canonical(p.ToTemplate)
	if err != nil {
		return nil, fmt.Errorf("unable to read the target template of %s: %w", p.Workload, err)
	}
	operations := []operation{{"test", "/metadata/uid", p.WorkloadUID}}
	// The other kinds' revisions are no part of the workload. Their template alone is the fence.
	if p.Workload.Kind == KindDeployment && p.HasAnnotations && p.FromRevision != "" {
		operations = append(operations, operation{"test", pointer("metadata", "annotations", revisionAnnotation), p.FromRevision})
	}
	operations = append(operations,
		operation{"test", "/spec/template", from},
		operation{"replace", "/spec/template", to})
	switch {
	case p.Resumes != nil:
		operations = append(operations, p.Resumes.resume()...)
	case p.Workload.Kind == KindDeployment: // a template that is put back while the rollout is stopped would bring nothing back
		operations = append(operations, operation{"test", "/spec/paused", nil})
	}
	return operations, nil
}

func (s PlannedSwitch) swap() []operation {
	value := pointer("spec", "selector", s.SelectorKey)
	return []operation{
		{"test", "/metadata/uid", s.ServiceUID},
		{"test", "/metadata/resourceVersion", s.ResourceVersion},
		{"test", value, s.To},
		{"replace", value, s.From},
	}
}

// annotate records the intent, and holds those owners that are held by an annotation. A JSON patch cannot add to an
// absent map, and adding the map would wipe one that has come into being since, so the test for null makes sure that
// there is none.
func (p Plan) annotate(intentID string) []operation {
	wanted := p.annotations(intentID)
	if !p.HasAnnotations {
		return []operation{
			{"test", "/metadata/annotations", nil},
			{"add", "/metadata/annotations", wanted},
		}
	}
	var operations []operation
	for _, key := range slices.Sorted(maps.Keys(wanted)) {
		operations = append(operations, operation{"add", pointer("metadata", "annotations", key), wanted[key]})
	}
	return operations
}

// pointer writes a JSON pointer (RFC 6901).
func pointer(parts ...string) string {
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	var b strings.Builder
	for _, part := range parts {
		b.WriteByte('/')
		b.WriteString(escape.Replace(part))
	}
	return b.String()
}
