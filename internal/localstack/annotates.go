package localstack

import "encoding/json"

// OnlyAnnotates reports whether the call is a patch that changes nothing of an object but its annotations.
func (e AuditEvent) OnlyAnnotates() bool {
	var body map[string]json.RawMessage
	var metadata map[string]json.RawMessage
	if e.Verb != "patch" || json.Unmarshal(e.RequestObject, &body) != nil || json.Unmarshal(body["metadata"], &metadata) != nil {
		return false
	}
	_, annotates := metadata["annotations"]
	return annotates && len(body) == 1 && len(metadata) == 1
}
