package event

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"k8s.io/apimachinery/pkg/api/validate/content"
)

// The largest sizes of an event's strings in bytes, and of its lists in entries.
const (
	MaxText      = 256
	MaxReference = 2048
	MaxApprovals = 32
)

const (
	labelRule = "an RFC 1123 label (lower-case letters, digits and '-', a letter or digit at both ends, at most 63 " +
		"characters)"
	subdomainRule = "an RFC 1123 subdomain (lower-case letters, digits, '-' and '.', a letter or digit at both ends " +
		"of each part, at most 253 characters)"
)

// rule is one demand on a string: the reason and the fix are given when it is not met.
type rule struct {
	met         func(value string) bool
	reason, fix string
}

func check(field, value string, rules []rule) *Rejection {
	for _, rule := range rules {
		if !rule.met(value) {
			return invalid(field, Quote(value), rule.reason, rule.fix)
		}
	}
	return nil
}

// upTo allows printable text of at most limit bytes. Invisible characters are refused, too: they make two different
// versions look the same to a person.
func upTo(limit int) rule {
	return rule{
		met: func(value string) bool {
			return len(value) <= limit && !strings.ContainsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) })
		},
		reason: fmt.Sprintf("is longer than %d bytes or has characters that cannot be printed", limit),
		fix:    "shorten it, and leave out control and invisible characters",
	}
}

func label() rule {
	return rule{met: isLabel, reason: "is not " + labelRule, fix: "use the name as Kubernetes has it"}
}

func subdomain() rule {
	return rule{met: isSubdomain, reason: "is not " + subdomainRule, fix: "use the name as Kubernetes has it"}
}

func labelKey() rule {
	return rule{
		met:    func(value string) bool { return len(content.IsLabelKey(value)) == 0 },
		reason: "is not a valid label key", fix: "use the selector's key as the Service has it",
	}
}

func labelValue() rule {
	return rule{
		met:    func(value string) bool { return len(content.IsLabelValue(value)) == 0 },
		reason: "is not a valid label value", fix: "use the selector's value as the Service has it",
	}
}

// oneOf reads a string that must be one of the choices; the first is the default.
func oneOf[T ~string](d *document, field string, choices ...T) T {
	value := T(d.text(field, upTo(MaxText)))
	if value == "" {
		return choices[0]
	}
	names := make([]string, len(choices))
	for i, choice := range choices {
		if value == choice {
			return value
		}
		names[i] = string(choice)
	}
	d.reject(invalid(field, Quote(string(value)), "is not known", "use one of "+strings.Join(names, ", ")))
	return ""
}

func invalid(field, value, reason, fix string) *Rejection {
	return &Rejection{Code: CodeInvalid, Field: field, Value: value, Reason: withValue(value, reason), Fix: fix}
}

func wrongType(field string, raw json.RawMessage, wanted string) *Rejection {
	value := scalar(raw)
	return &Rejection{
		Code: CodeType, Field: field, Value: value,
		Reason: withValue(value, "is "+shape(raw)+", not "+wanted), Fix: "give " + wanted,
	}
}

// scalar shows a value of one word; objects and lists are described by their shape alone.
func scalar(raw json.RawMessage) string {
	switch {
	case raw[0] == '{' || raw[0] == '[':
		return ""
	case raw[0] == '"':
		var text string
		if json.Unmarshal(raw, &text) != nil {
			return ""
		}
		return Quote(text)
	case len(raw) > maxShown:
		return string(raw[:maxShown]) + "…"
	}
	return string(raw)
}

func withValue(value, reason string) string {
	if value == "" {
		return reason
	}
	return value + " " + reason
}
