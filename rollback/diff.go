package rollback

import (
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"unicode"

	"github.com/aymanbagabas/go-udiff"
	"go.yaml.in/yaml/v4"

	"github.com/rollbackd/rollbackd/internal/mask"
)

// Diff shows what the plan changes as a unified diff of YAML: of a rolling update's undo the whole template, of a switch
// the Service's selector. The annotation that names the intent is left out, because it has no name before it is decided.
//
// Templates hold what anybody wrote who may change the workload. Nothing in them can act on a terminal: whatever is not
// printable, or reorders what stands beside it, is shown as an escape sequence. What looks like a secret is hidden, as in a diagnosis; where it is not the
// same in both, the diff says so.
func (p Plan) Diff(hide mask.Masker) (string, error) {
	before, after := p.changes()
	before, after = hideSecrets(hide, before, after)
	from, err := asYAML(before)
	if err != nil {
		return "", fmt.Errorf("unable to show what %s is: %w", p.patched(), err)
	}
	to, err := asYAML(after)
	if err != nil {
		return "", fmt.Errorf("unable to show what %s is to be: %w", p.patched(), err)
	}
	was, is := p.ends()
	return escapeLines(udiff.Unified(p.patched()+", "+was, p.patched()+", "+is, from, to)), nil
}

// ends names what the diff is from and to.
func (p Plan) ends() (was, is string) {
	switch {
	case p.Switch != nil:
		return "now", "switched back"
	case p.scales():
		return "now", "scaled to zero"
	}
	from := Revision{Number: p.FromRevision, Version: p.FromVersion}
	to := Revision{Number: p.ToRevision, Version: p.ToVersion}
	return "now " + from.name(), "as in " + to.name()
}

// changes returns the part of the object that the plan replaces, where it stands in the object.
func (p Plan) changes() (before, after any) {
	if p.Switch != nil {
		selector := maps.Clone(p.Switch.Selector)
		selector[p.Switch.SelectorKey] = p.Switch.From
		return inSpec("selector", p.Switch.Selector), inSpec("selector", selector)
	}
	if p.scales() {
		return inSpec("replicas", p.Canary.Replicas), inSpec("replicas", 0)
	}
	return inSpec("template", p.FromTemplate), inSpec("template", p.ToTemplate)
}

func inSpec(field string, value any) any {
	return map[string]any{"spec": map[string]any{field: value}}
}

// asYAML writes with sorted keys, so that equal values give equal text. JSON is not read as the YAML that it nearly is,
// because YAML refuses characters that JSON may hold.
func asYAML(value any) (string, error) {
	raw, err := json.Marshal(value)
	if err != nil {
		return "", err
	}
	object, ok := decode(raw)
	if !ok {
		return "", fmt.Errorf("it is no JSON object: %.40q", raw)
	}
	text, err := yaml.Dump(withNumbers(object), yaml.WithIndent(2))
	return string(text), err
}

// withNumbers turns what decode leaves as text into numbers. Those that a float would round stay text.
func withNumbers(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for key, v := range value {
			value[key] = withNumbers(v)
		}
	case []any:
		for i, v := range value {
			value[i] = withNumbers(v)
		}
	case json.Number:
		if i, err := strconv.ParseInt(value.String(), 10, 64); err == nil {
			return i
		}
		if f, err := value.Float64(); err == nil && strconv.FormatFloat(f, 'g', -1, 64) == value.String() {
			return f
		}
		return value.String()
	}
	return value
}

// escapeLines makes text of more than one line harmless on a terminal.
func escapeLines(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r == '\n' || unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		quoted := fmt.Sprintf("%+q", r) // 'x' with escapes of ASCII only
		b.WriteString(strings.Trim(quoted, "'"))
	}
	return b.String()
}
