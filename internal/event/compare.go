package event

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"time"
)

// SameBody says whether two events of one key say the same: their fields are equal, defaults and other spellings of
// the same time aside, and so are the fields unknown to this version, whatever their order. Of a CloudEvent its data is
// compared: what is around it may change on the way.
func SameBody(a, b Event) bool {
	if bytes.Equal(a.Raw, b.Raw) && len(a.Raw) > 0 {
		return true
	}
	if !a.Timestamp.Equal(b.Timestamp) || !slices.Equal(a.Approvals, b.Approvals) {
		return false
	}
	extraA, okA := unknownFields(a.Raw)
	extraB, okB := unknownFields(b.Raw)
	return okA && okB && reflect.DeepEqual(scalars(a), scalars(b)) && reflect.DeepEqual(extraA, extraB)
}

// Completes says whether second is the announcement that the deployment which first announced as started is
// complete: the same event, with an ID, in which only status, timestamp and verification changed.
func Completes(first, second Event) bool {
	if first.ID == "" || first.Status != StatusStarted || second.Status == StatusStarted {
		return false
	}
	second.Status, second.Timestamp, second.Verification = first.Status, first.Timestamp, first.Verification
	return SameBody(first, second)
}

// Advances says whether second is the announcement that the canary which first announced is a larger part of the service
// now: the same version on the same Deployments, with a higher step. The two may have the same ID or not, and differ in
// whatever else there is to say of a step; one that says otherwise of the database schema is about another deployment.
func Advances(first, second Event) bool {
	return first.Strategy == StrategyCanary && second.Strategy == StrategyCanary && first.Target() == second.Target() &&
		first.Canary == second.Canary && first.Version == second.Version && first.SchemaChange == second.SchemaChange && first.Drill == second.Drill &&
		second.Step > first.Step
}

// scalars leaves out what SameBody compares in other ways.
func scalars(e Event) Event {
	e.Timestamp, e.Approvals, e.Raw = time.Time{}, nil, nil
	return e
}

// unknownFields are the fields of a document, or of a CloudEvent's data, that Event does not read, numbers kept as written.
func unknownFields(raw json.RawMessage) (map[string]any, bool) {
	fields := map[string]any{}
	if len(raw) == 0 {
		return fields, true
	}
	decoder := json.NewDecoder(bytes.NewReader(withoutEnvelope(raw)))
	decoder.UseNumber()
	if err := decoder.Decode(&fields); err != nil {
		return nil, false
	}
	for name := range knownFields() {
		delete(fields, name)
	}
	return fields, true
}
