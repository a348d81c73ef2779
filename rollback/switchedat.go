package rollback

import (
	"encoding/json"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// switchedAt tells from a Service's managedFields when its selector was last changed. That is the time of the entry
// that owns the selector's key. An entry bears the time of the last change of anything in it, so this can be late, if
// whoever switched changed something else afterwards, but never early. Of several owners, who have all set the same
// value, the earliest is the closest. Zero if nobody owns the key, which takes someone who wiped the managedFields.
func switchedAt(entries []metav1.ManagedFieldsEntry, key string) time.Time {
	var earliest time.Time
	for _, e := range entries {
		if e.Time == nil || e.FieldsV1 == nil || !ownsSelector(e.FieldsV1.GetRawBytes(), key) {
			continue
		}
		if earliest.IsZero() || e.Time.Time.Before(earliest) {
			earliest = e.Time.UTC()
		}
	}
	return earliest
}

// ownsSelector reports whether an entry owns the key of a Service's selector. API servers treat the selector as one
// field and write it without keys; one that listed the keys would be read too.
func ownsSelector(fields []byte, key string) bool {
	var owned struct {
		Spec struct {
			Selector map[string]json.RawMessage `json:"f:selector"`
		} `json:"f:spec"`
	}
	if err := json.Unmarshal(fields, &owned); err != nil || owned.Spec.Selector == nil {
		return false
	}
	_, ownsKey := owned.Spec.Selector["f:"+key]
	return ownsKey || len(owned.Spec.Selector) == 0
}
