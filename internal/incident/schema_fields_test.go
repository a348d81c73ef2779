package incident

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/rollback"
)

// TestSchemaNamesEveryField: a field that no journal of testdata holds would else be missing from the schema unnoticed.
func TestSchemaNamesEveryField(t *testing.T) {
	s := readSchema(t)
	defs, _ := s.root["$defs"].(map[string]any)
	for _, tc := range []struct {
		name string
		rule any
		of   any
		// leftOut are not in the document.
		leftOut []string
	}{
		{"document", s.root, document{}, nil},
		{"event", defs["event"], Event{}, nil},
		{"version", defs["version"], Version{}, nil},
		{"move", defs["move"], Move{}, nil},
		{"action", defs["action"], Action{}, nil},
		{"judgement", defs["judgement"], Judgement{}, nil},
		{"assessment", defs["assessment"], analyzer.Assessment{}, nil},
		{"baseline", defs["baseline"], analyzer.Baseline{}, []string{"step", "ticks", "values", "shown"}},
		{"times", defs["times"], Times{}, nil},
		{"migration", defs["migration"], MigrationSummary{}, nil},
		{"owner", defs["owner"], rollback.Owner{}, nil},
		{"drilled", defs["drilled"], DrillResult{}, nil},
		{"step", defs["step"], rollback.Step{}, nil},
	} {
		rule, _ := tc.rule.(map[string]any)
		properties, _ := rule["properties"].(map[string]any)
		fields := jsonNames(reflect.TypeOf(tc.of))
		for _, f := range fields {
			if _, known := properties[f]; !known && !slices.Contains(tc.leftOut, f) {
				t.Errorf("%s: the schema does not name %q", tc.name, f)
			}
		}
		for name := range properties {
			if !slices.Contains(fields, name) || slices.Contains(tc.leftOut, name) {
				t.Errorf("%s: the schema names %q, which is never written", tc.name, name)
			}
		}
	}
}

// jsonNames are the names under which encoding/json writes the fields of a struct.
func jsonNames(t reflect.Type) []string {
	var out []string
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			out = append(out, jsonNames(f.Type)...)
		case !f.IsExported() || name == "-":
		case name == "":
			out = append(out, f.Name)
		default:
			out = append(out, name)
		}
	}
	return out
}
