package config

import (
	"reflect"
	"strings"
)

// MissingFiles warns of files that the configuration names, such as those of secrets, and that exists finds a fault with. They may come later, and be
// elsewhere where the daemon runs; so it is no mistake.
func (c *Config) MissingFiles(exists func(path string) error) []Finding {
	var out []Finding
	eachFile(reflect.ValueOf(*c), nil, func(at []any, file string) {
		if err := exists(file); err != nil {
			out = append(out, findingAt(c.root, at, "%v; without it what needs the file does not work, so put it there before the daemon does", err))
		}
	})
	sortFindings(out)
	return out
}

// eachFile calls fn for each text whose key ends in File or Files, for the contacts and for the web configuration.
func eachFile(v reflect.Value, at []any, fn func(at []any, file string)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			eachFile(v.Elem(), at, fn)
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachFile(v.Index(i), append(at[:len(at):len(at)], i), fn)
		}
	case reflect.String:
		if key := keyOf(at); v.String() != "" && (strings.HasSuffix(key, "File") || strings.HasSuffix(key, "Files") || key == "contacts" || key == "webConfig") {
			fn(at, v.String())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
			switch {
			case !f.IsExported() || name == "-":
			case strings.Contains(options, "inline"):
				eachFile(v.Field(i), at, fn)
			case name != "":
				eachFile(v.Field(i), append(at[:len(at):len(at)], name), fn)
			}
		}
	}
}

// keyOf is the last name of a path, which the place in a list may follow.
func keyOf(at []any) string {
	for i := len(at) - 1; i >= 0; i-- {
		if name, ok := at[i].(string); ok {
			return name
		}
	}
	return ""
}
