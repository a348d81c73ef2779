package configdocs

import (
	"bytes"
	"encoding/json"
)

// durations are those that Prometheus reads.
const durations = `^(0|([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?)$`

// schema is the part of JSON Schema that is used, in the order in which it is written.
type schema struct {
	Schema      string             `json:"$schema,omitempty"`
	ID          string             `json:"$id,omitempty"`
	Title       string             `json:"title,omitempty"`
	Description string             `json:"description,omitempty"`
	Type        string             `json:"type"`
	Enum        []string           `json:"enum,omitempty"`
	Pattern     string             `json:"pattern,omitempty"`
	MinLength   int                `json:"minLength,omitempty"`
	Minimum     *int               `json:"minimum,omitempty"`
	Default     any                `json:"default,omitempty"`
	Required    []string           `json:"required,omitempty"`
	Items       *schema            `json:"items,omitempty"`
	MinItems    int                `json:"minItems,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
	Additional  *bool              `json:"additionalProperties,omitempty"`
}

// Schema returns the JSON Schema of the configuration.
func Schema(top Key) ([]byte, error) {
	s := schemaOf(top)
	s.Schema = "https://json-schema.org/draft/2020-12/schema"
	s.ID = "https://github.com/rollbackd/rollbackd/docs/config.schema.json"
	s.Title = "rollbackd configuration"
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(s)
	return text.Bytes(), err
}

func schemaOf(k Key) *schema {
	s := valueSchema(k)
	if k.List {
		entry := s
		s = &schema{Type: "array", Items: entry}
		if k.Required {
			s.MinItems = 1
		}
	} else if k.Required && k.Kind == Text {
		s.MinLength = 1
	}
	s.Description = k.Meaning
	return s
}

func valueSchema(k Key) *schema {
	s := &schema{Enum: k.Allowed, Default: k.Default}
	switch k.Kind {
	case Text:
		s.Type = "string"
	case Duration:
		s.Type, s.Pattern, s.MinLength = "string", durations, 1
	case Number:
		s.Type = "number"
	case Count:
		least := 0
		s.Type, s.Minimum = "integer", &least
	case Truth:
		s.Type = "boolean"
	case HTTPClient, JobSpec: // its keys are Prometheus' or Kubernetes', and as many as its version has
		s.Type = "object"
	case Mapping:
		closed := false
		s.Type, s.Additional, s.Properties = "object", &closed, map[string]*schema{}
		for _, key := range k.Keys {
			s.Properties[key.Name] = schemaOf(key)
			if key.Required {
				s.Required = append(s.Required, key.Name)
			}
		}
	}
	return s
}
