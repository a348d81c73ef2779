package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// apply gives a call graph's metric what its preset has and the file does not say.
func (d *Dependencies) apply(all map[string]Preset, k *checker, at []any) {
	field := func(path ...any) []any { return append(slices.Clone(at), path...) }
	if problem := d.unfit(all); problem != "" {
		k.say(field("preset"), "%s", problem)
		d.unusable = true
		return
	}
	p := all[d.Preset].Dependencies
	for _, f := range []struct {
		field *string
		value string
		path  []any
	}{
		{&d.Requests, p.Requests, []any{"requests"}}, {&d.Errors, p.Errors, []any{"errors"}},
		{&d.Labels.Namespace, p.Labels.Namespace, []any{"labels", "namespace"}},
		{&d.Labels.Caller, p.Labels.Caller, []any{"labels", "caller"}}, {&d.Labels.Callee, p.Labels.Callee, []any{"labels", "callee"}},
	} {
		if !k.given(field(f.path...)) {
			*f.field = f.value
		}
	}
}

// unfit says why the call graph cannot have the preset that it names.
func (d *Dependencies) unfit(all map[string]Preset) string {
	if p, known := all[d.Preset]; known && p.Dependencies != nil {
		return ""
	}
	var able []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if all[name].Dependencies != nil {
			able = append(able, name)
		}
	}
	return fmt.Sprintf("%q is not a preset that tells who calls whom; use one of %s, or name the series", d.Preset, strings.Join(able, ", "))
}
