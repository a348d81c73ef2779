package rollback

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// decode reads a JSON object without rounding its numbers.
func decode(raw json.RawMessage) (map[string]any, bool) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var object map[string]any
	if err := d.Decode(&object); err != nil || object == nil {
		return nil, false
	}
	return object, true
}

// canonical writes JSON the way the API server does: keys sorted, and <, > and & escaped. It matters because the
// server's JSON patch compares strings and numbers byte by byte, so that "\u003c" and "<" fail a test operation.
func canonical(raw json.RawMessage) (json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		return nil, err
	}
	return json.Marshal(value)
}

// jsonEqual compares two decoded values by meaning. A null and an empty list mean the same to Kubernetes as an absent
// field; an empty object does not (an empty label selector selects everything, an absent one nothing).
func jsonEqual(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && mapsEqual(a, b)
	case []any:
		b, ok := b.([]any)
		return ok && listsEqual(a, b)
	case json.Number:
		b, ok := b.(json.Number)
		return ok && numbersEqual(a, b)
	default:
		switch b.(type) {
		case map[string]any, []any:
			return false
		}
		return a == b
	}
}

func mapsEqual(a, b map[string]any) bool {
	for key, value := range a {
		if isAbsent(value) && isAbsent(b[key]) {
			continue
		}
		if !jsonEqual(value, b[key]) {
			return false
		}
	}
	for key, value := range b {
		if _, seen := a[key]; !seen && !isAbsent(value) {
			return false
		}
	}
	return true
}

func listsEqual(a, b []any) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !jsonEqual(a[i], b[i]) {
			return false
		}
	}
	return true
}

func isAbsent(value any) bool {
	if list, ok := value.([]any); ok {
		return len(list) == 0
	}
	return value == nil
}

// numbersEqual compares integers exactly and everything else as floats, which is how Kubernetes reads them.
func numbersEqual(a, b json.Number) bool {
	if a == b {
		return true
	}
	i, errA := strconv.ParseInt(a.String(), 10, 64)
	j, errB := strconv.ParseInt(b.String(), 10, 64)
	if errA == nil && errB == nil {
		return i == j
	}
	f, errA := a.Float64()
	g, errB := b.Float64()
	return errA == nil && errB == nil && f == g
}
