package incident

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// schema checks documents against the part of JSON Schema that docs/incident.schema.json uses.
type schema struct {
	root map[string]any
}

func readSchema(t *testing.T) schema {
	t.Helper()
	body, err := os.ReadFile("../../docs/incident.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var s schema
	if err := json.Unmarshal(body, &s.root); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s schema) check(document []byte) []string {
	var v any
	if err := json.Unmarshal(document, &v); err != nil {
		return []string{err.Error()}
	}
	return s.value("$", s.root, v)
}

func (s schema) value(path string, rule map[string]any, v any) []string {
	if ref, ok := rule["$ref"].(string); ok {
		defs, _ := s.root["$defs"].(map[string]any)
		target, ok := defs[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
		if !ok {
			return []string{path + ": no definition " + ref}
		}
		return s.value(path, target, v)
	}
	if want, ok := rule["const"]; ok && want != v {
		return []string{fmt.Sprintf("%s: %v, want %v", path, v, want)}
	}
	if enum, ok := rule["enum"].([]any); ok && !slices.Contains(enum, v) {
		return []string{fmt.Sprintf("%s: %v is none of %v", path, v, enum)}
	}
	return s.typed(path, rule, v)
}

func (s schema) typed(path string, rule map[string]any, v any) []string {
	ok := true
	switch rule["type"] {
	case "object":
		var object map[string]any
		if object, ok = v.(map[string]any); ok {
			return s.object(path, rule, object)
		}
	case "array":
		var list []any
		if list, ok = v.([]any); ok {
			return s.list(path, rule, list)
		}
	case "string":
		var text string
		if text, ok = v.(string); ok && rule["format"] == "date-time" {
			_, err := time.Parse(time.RFC3339Nano, text)
			ok = err == nil
		}
	case "boolean":
		_, ok = v.(bool)
	case "number", "integer":
		var n float64
		n, ok = v.(float64)
		ok = ok && (rule["type"] == "number" || n == math.Trunc(n))
	default:
		return []string{fmt.Sprintf("%s: the schema gives no type", path)}
	}
	if !ok {
		return []string{fmt.Sprintf("%s: %v is no %v", path, v, rule["type"])}
	}
	return nil
}

func (s schema) object(path string, rule, v map[string]any) []string {
	var problems []string
	properties, _ := rule["properties"].(map[string]any)
	required, _ := rule["required"].([]any)
	for _, name := range required {
		if _, ok := v[name.(string)]; !ok {
			problems = append(problems, fmt.Sprintf("%s: %v is missing", path, name))
		}
	}
	for name, value := range v {
		sub, known := properties[name].(map[string]any)
		if !known {
			sub, known = rule["additionalProperties"].(map[string]any)
		}
		if !known {
			problems = append(problems, path+": "+name+" is not in the schema")
			continue
		}
		problems = append(problems, s.value(path+"."+name, sub, value)...)
	}
	return problems
}

func (s schema) list(path string, rule map[string]any, v []any) []string {
	var problems []string
	items, _ := rule["items"].(map[string]any)
	for i, value := range v {
		problems = append(problems, s.value(fmt.Sprintf("%s[%d]", path, i), items, value)...)
	}
	return problems
}

func TestSchemaCheckerFindsFaults(t *testing.T) {
	s := readSchema(t)
	for _, bad := range []string{`[]`, `{}`, `{"schema":"rollbackd/incident/v2"}`} {
		if len(s.check([]byte(bad))) == 0 {
			t.Errorf("%s was accepted", bad)
		}
	}
}
