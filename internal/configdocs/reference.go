// Package configdocs writes the reference and the JSON Schema of the configuration from the Go types that it is read into, their
// doc comments and their defaults, so that neither can tell anything else than the program does.
package configdocs

import (
	"fmt"
	"reflect"
	"strings"

	promconfig "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v4"

	"github.com/rollbackd/rollbackd/internal/config"
)

// Key is one key of the configuration, or the whole of it.
type Key struct {
	// Name is the key, and Path what leads to it from the top: policies[].signals[].for.
	Name, Path string
	// Kind is what its value is, of lists what their entries are.
	Kind Kind
	List bool
	// Meaning is the doc comment of its field, in words of the configuration; of its type if the field has none.
	Meaning  string
	Required bool
	// Default is the value that it has unless it is given, nil if it has none.
	Default any
	// Allowed are the only values that it may have; empty if there are others.
	Allowed []string
	// Keys are those of a mapping.
	Keys []Key
}

// Kind is what a value is.
type Kind string

// The kinds.
const (
	Text       Kind = "text"
	Duration   Kind = "duration"
	Number     Kind = "number"
	Count      Kind = "whole number"
	Truth      Kind = "true or false"
	Mapping    Kind = "mapping"
	HTTPClient Kind = "HTTP client of Prometheus"
	JobSpec    Kind = "JobSpec of Kubernetes' batch/v1"
)

// Read describes the whole configuration from the sources below the repository's root.
func Read(root string) (Key, error) {
	s, err := parseSources(root, "internal/config", "internal/watch", "analyzer", "rollback", "notifier")
	if err != nil {
		return Key{}, err
	}
	presets, err := config.Presets()
	if err != nil {
		return Key{}, err
	}
	for _, p := range presets {
		s.allowed["policies[].signals[].preset"] = append(s.allowed["policies[].signals[].preset"], p.Name)
		if edges := "policies[].guards.dependencies.preset"; p.Dependencies != nil {
			s.allowed[edges] = append(s.allowed[edges], p.Name)
		}
	}
	s.allowed["log.level"] = []string{"debug", "info", "warn", "error"}
	s.allowed["log.format"] = []string{"auto", "json", "console"}
	top := Key{Kind: Mapping, Meaning: "The configuration of a daemon."}
	top.Keys, err = s.keys("", reflect.ValueOf(*config.Default()))
	return top, err
}

// keys describes the keys of a mapping, whose defaults are the values of its fields.
func (s *sources) keys(path string, defaults reflect.Value) ([]Key, error) {
	var out []Key
	for i := range defaults.NumField() {
		field := defaults.Type().Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		if !field.IsExported() || name == "" {
			continue
		}
		k, err := s.key(strings.TrimPrefix(path+"."+name, "."), field, defaults.Field(i))
		if err != nil {
			return nil, err
		}
		k.Name = name
		doc := s.fields[qualified(defaults.Type())+"."+field.Name]
		if text, ok := strings.CutPrefix(doc, field.Name+" "); ok {
			doc = "`" + name + "` " + text
		}
		if doc != "" {
			k.Meaning = doc
		}
		k.Required = strings.HasSuffix(doc, " Required.")
		out = append(out, k)
	}
	return out, nil
}

func (s *sources) key(path string, field reflect.StructField, value reflect.Value) (Key, error) {
	t := field.Type
	k := Key{Path: path}
	if t.Kind() == reflect.Slice {
		k.List, t = true, t.Elem()
		value = reflect.New(t).Elem()
		k.Path += "[]"
	}
	optional := t.Kind() == reflect.Pointer && t != reflect.TypeFor[*promconfig.HTTPClientConfig]()
	if optional {
		t = t.Elem()
	}
	k.Meaning, k.Allowed = s.types[qualified(t)], s.allowed[k.Path]
	if k.Allowed == nil {
		k.Allowed = s.constants[qualified(t)]
	}
	var err error
	switch {
	case t == reflect.TypeFor[*promconfig.HTTPClientConfig]():
		k.Kind = HTTPClient
	case t == reflect.TypeFor[config.JobSpec]():
		k.Kind = JobSpec
	case t == reflect.TypeFor[model.Duration]():
		k.Kind, k.Default = Duration, value.Interface().(model.Duration).String()
	case t.Kind() == reflect.Struct:
		k.Kind = Mapping
		if k.List || optional {
			if value, err = unmarshalled(t); err != nil {
				return k, err
			}
		}
		k.Keys, err = s.keys(k.Path, value)
	default:
		k.Kind, k.Default, err = scalar(t, value)
	}
	if k.List || err == nil && value.IsValid() && value.IsZero() && (k.Kind == Text || k.Kind == Duration) {
		k.Default = nil
	}
	return k, err
}

// unmarshalled is an entry of a list, or a mapping that may be left out, of which the file says nothing else.
func unmarshalled(t reflect.Type) (reflect.Value, error) {
	entry := reflect.New(t)
	if err := yaml.Load([]byte("{}"), entry.Interface()); err != nil {
		return entry, fmt.Errorf("find the defaults of %s: %w", t, err)
	}
	return entry.Elem(), nil
}

func scalar(t reflect.Type, value reflect.Value) (Kind, any, error) {
	switch t.Kind() {
	case reflect.String:
		return Text, value.String(), nil
	case reflect.Float64:
		return Number, value.Float(), nil
	case reflect.Uint64:
		return Count, value.Uint(), nil
	case reflect.Bool:
		return Truth, value.Bool(), nil
	}
	return "", nil, fmt.Errorf("%s is of a type that the reference knows no name for", t)
}

// qualified names a type with its package, as the sources are looked up.
func qualified(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.String()
}
