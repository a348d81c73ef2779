package rollback

import (
	"bytes"
	"encoding/json"
	"strings"
)

// hashLabel is put on a ReplicaSet's template by the Deployment controller; the Deployment's own template lacks it.
const hashLabel = "pod-template-hash"

// restartSuffix ends the annotations by which tools ask for a restart: kubectl.kubernetes.io/restartedAt and its like.
const restartSuffix = "/restartedAt"

// TemplatesEqual reports whether two pod templates mean the same, the pod-template-hash label aside.
func TemplatesEqual(a, b json.RawMessage) bool {
	if sameText(a, b) {
		return true
	}
	x, okX := decode(a)
	y, okY := decode(b)
	return okX && okY && jsonEqual(withoutHash(x), withoutHash(y))
}

// sameRelease reports whether two templates are equal or differ by nothing but a restart.
func sameRelease(a, b json.RawMessage) bool {
	if sameText(a, b) {
		return true
	}
	x, okX := decode(a)
	y, okY := decode(b)
	return okX && okY && jsonEqual(withoutRestarts(withoutHash(x)), withoutRestarts(withoutHash(y)))
}

// ContainersEqual reports whether two pod templates run the same: image, command, arguments, environment, resources
// and mounts of every container and init container, and the volumes (a ConfigMap mounted under another name is another
// configuration). Labels, annotations, probes and scheduling may differ.
func ContainersEqual(a, b json.RawMessage) bool {
	if sameText(a, b) {
		return true
	}
	x, okX := decode(a)
	y, okY := decode(b)
	return okX && okY && jsonEqual(whatRuns(x), whatRuns(y))
}

// sameText reports whether two objects are written in the same way, as they mostly are: both come from the API server. To decode them,
// each time that somebody looks at a workload, was a third of all that the daemon allocated.
func sameText(a, b json.RawMessage) bool {
	return len(a) > 0 && a[0] == '{' && bytes.Equal(a, b) && json.Valid(a)
}

// whatRuns projects a template on the fields that decide what its containers do.
func whatRuns(template map[string]any) map[string]any {
	spec := child(template, "spec")
	return map[string]any{
		"containers":     runningParts(spec["containers"]),
		"initContainers": runningParts(spec["initContainers"]),
		"volumes":        spec["volumes"],
		"resources":      nonEmpty(spec["resources"]),
	}
}

func runningParts(list any) []any {
	containers, _ := list.([]any)
	parts := make([]any, 0, len(containers))
	for _, c := range containers {
		container, _ := c.(map[string]any)
		part := map[string]any{"resources": nonEmpty(container["resources"])}
		for _, field := range []string{"name", "image", "command", "args", "env", "envFrom", "volumeMounts"} {
			part[field] = container[field]
		}
		parts = append(parts, part)
	}
	return parts
}

// nonEmpty turns an empty object into none: "resources: {}" says nothing.
func nonEmpty(value any) any {
	if object, ok := value.(map[string]any); ok && len(object) == 0 {
		return nil
	}
	return value
}

// stripHash returns the template without the pod-template-hash label, and as it was if it cannot be read.
func stripHash(template json.RawMessage) json.RawMessage {
	if !bytes.Contains(template, []byte(`"`+hashLabel+`"`)) { // as the caches keep it
		return template
	}
	decoded, ok := decode(template)
	if !ok {
		return template
	}
	stripped, err := json.Marshal(withoutHash(decoded))
	if err != nil {
		return template
	}
	return stripped
}

// withoutHash deletes the label in place; the caller has just decoded the template and owns it.
func withoutHash(template map[string]any) map[string]any {
	metadata := child(template, "metadata")
	deleteKeys(metadata, "labels", func(key string) bool { return key == hashLabel })
	return template
}

func withoutRestarts(template map[string]any) map[string]any {
	metadata := child(template, "metadata")
	deleteKeys(metadata, "annotations", func(key string) bool { return strings.HasSuffix(key, restartSuffix) })
	return template
}

// deleteKeys deletes keys of the map that parent holds under field, and the map itself when that leaves it empty.
func deleteKeys(parent map[string]any, field string, unwanted func(string) bool) {
	object, ok := parent[field].(map[string]any)
	if !ok {
		return
	}
	for key := range object {
		if unwanted(key) {
			delete(object, key)
		}
	}
	if len(object) == 0 {
		delete(parent, field)
	}
}

// child returns the object that parent holds under field; nil, which reads as empty, if there is none.
func child(parent map[string]any, field string) map[string]any {
	object, _ := parent[field].(map[string]any)
	return object
}
