package mask

import (
	"fmt"
	"strings"
)

// Templates hides the secrets in two pod templates, as JSON decodes them, and returns copies. References to Secrets stay: their names are
// no secrets. A value that is hidden as a whole is hidden wherever else it stands. What is hidden in both and is not the same says so, because that it was changed is worth knowing.
func (m Masker) Templates(before, after map[string]any) (shownBefore, shownAfter map[string]any) {
	was, is := map[string]string{}, map[string]string{}
	collect(before, "", was)
	collect(after, "", is)
	m = m.withSecretsOf(before, after)
	shownBefore, _ = m.template(before, place{}, func(path, value, _ string) string { return changed(is, path, value, " (before)") }).(map[string]any)
	shownAfter, _ = m.template(after, place{}, func(path, value, _ string) string { return changed(was, path, value, " (after)") }).(map[string]any)
	return shownBefore, shownAfter
}

func changed(other map[string]string, path, value, mark string) string {
	if there, ok := other[path]; ok && there != value {
		return mark
	}
	return ""
}

// place is where in a template a value stands.
type place struct {
	path string
	// key is that of the field, or of the list that the value is in; named says that what names a value may be free text.
	key, name string
	named     bool
}

// template copies a value; mark is appended to what is hidden.
func (m Masker) template(value any, at place, mark func(path, value, shown string) string) any {
	switch value := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(value))
		name, _ := value["name"].(string)
		for key, v := range value {
			next := place{path: at.path + "." + key, key: key, name: key, named: free(at.key)}
			if key == "value" { // of a variable or a header, which have their name beside it
				next.name, next.named = name, true
			}
			out[key] = m.template(v, next, mark)
		}
		return out
	case []any:
		out := make([]any, len(value))
		for i, v := range value {
			next := place{path: fmt.Sprintf("%s[%s]", at.path, element(v, i)), key: at.key}
			if previous, ok := before(value, i); ok && commands(at.key) {
				next.name, next.named = previous, strings.HasPrefix(previous, "-")
			}
			out[i] = m.template(v, next, mark)
		}
		return out
	case string:
		shown := m.Text(value)
		if at.named && value != "" && Named(at.name) {
			shown = Hidden
		}
		if shown != value {
			shown += mark(at.path, value, shown)
		}
		return shown
	}
	return value
}

// free reports whether the keys of a field's object are chosen by whoever writes the template.
func free(key string) bool {
	return key == "annotations" || key == "labels" || key == "volumeAttributes"
}

func commands(key string) bool { return key == "args" || key == "command" }

func before(list []any, i int) (string, bool) {
	if i == 0 {
		return "", false
	}
	text, ok := list[i-1].(string)
	return text, ok
}

// element calls an element of a list by its name if it has one, so that it is found in another list too.
func element(v any, i int) string {
	if object, ok := v.(map[string]any); ok {
		if name, ok := object["name"].(string); ok {
			return name
		}
	}
	return fmt.Sprint(i)
}

// collect notes all strings by where they stand.
func collect(value any, path string, out map[string]string) {
	switch value := value.(type) {
	case map[string]any:
		for key, v := range value {
			collect(v, path+"."+key, out)
		}
	case []any:
		for i, v := range value {
			collect(v, fmt.Sprintf("%s[%s]", path, element(v, i)), out)
		}
	case string:
		out[path] = value
	}
}
