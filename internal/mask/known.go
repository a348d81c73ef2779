package mask

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"
)

// This file hides secrets by what they are: values that a pod template gives to variables with the name of a secret are hidden wherever they stand,
// also where nothing beside them says what they are.

const (
	// leastKnown is how many characters a value must have to be looked for. Shorter ones would be found in every other word.
	leastKnown = 4
	// leastPart is from how many characters on a value is looked for within words too.
	leastPart = 8
	// leastNumber is how many digits a number must have; smaller ones are mostly ports, times and sizes.
	leastNumber = 6
)

// WithSecretsOf returns a Masker that also hides the secrets of JSON documents, such as pod templates and the specifications of Jobs: whole values
// which Templates would hide there. A document that is no JSON object has none.
func (m Masker) WithSecretsOf(documents ...json.RawMessage) Masker {
	var objects []map[string]any
	for _, raw := range documents {
		var object map[string]any
		if json.Unmarshal(raw, &object) == nil {
			objects = append(objects, object)
		}
	}
	return m.withSecretsOf(objects...)
}

func (m Masker) withSecretsOf(objects ...map[string]any) Masker {
	values := slices.Clone(m.values)
	for _, object := range objects {
		m.template(object, place{}, func(_, value, shown string) string {
			if shown == Hidden && telling(value) {
				values = append(values, value)
			}
			return ""
		})
	}
	slices.Sort(values)
	m.values = slices.Compact(values)
	return m
}

// telling reports whether a value can be looked for: not if it is a word that is no secret wherever else it stands.
func telling(value string) bool {
	if utf8.RuneCountInString(value) < leastKnown {
		return false
	}
	if strings.Trim(value, "0123456789") == "" && len(value) < leastNumber {
		return false
	}
	return !slices.Contains([]string{"true", "false", "none", "null", "enabled", "disabled", "default", "required", "optional", "localhost", "production", "staging", "bearer", "basic"}, strings.ToLower(value))
}

// knownIn finds the values that are known to be secrets. What is quoted for JSON is looked for too.
func (m Masker) knownIn(text string) []span {
	var found []span
	for _, value := range m.values {
		found = append(found, occurrences(text, value)...)
		if quoted, err := json.Marshal(value); err == nil && string(quoted[1:len(quoted)-1]) != value {
			found = append(found, occurrences(text, string(quoted[1:len(quoted)-1]))...)
		}
		if lines := strings.Fields(value); strings.Contains(value, "\n") { // of which a log shows one at a time
			for _, line := range lines {
				if len(line) >= leastPart {
					found = append(found, occurrences(text, line)...)
				}
			}
		}
	}
	return found
}

// occurrences finds a value in a text: a short one only as a word of its own.
func occurrences(text, value string) []span {
	var found []span
	for from := 0; ; {
		i := strings.Index(text[from:], value)
		if i < 0 {
			return found
		}
		at := span{from + i, from + i + len(value)}
		if len(value) >= leastPart || !joins(text, at.from-1, at.from) && !joins(text, at.to-1, at.to) {
			found = append(found, at)
		}
		from = at.to
	}
}

// joins reports whether two neighbouring bytes are of one word.
func joins(text string, a, b int) bool {
	return a >= 0 && b < len(text) && alphanumeric(text[a]) && alphanumeric(text[b])
}

func alphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf
}
