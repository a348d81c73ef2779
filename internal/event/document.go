package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxPayload is the size in bytes of the largest document that is read.
const MaxPayload = 64 << 10

// document is a JSON object whose fields are read one by one. The first rejection is kept and everything read after
// it is empty, so that a reader need not check after each field.
type document struct {
	fields map[string]json.RawMessage
	// repeated are the fields that are given more than once.
	repeated  map[string]bool
	rejection *Rejection
}

// parseDocument reads the object's top level.
func parseDocument(payload []byte) (*document, *Rejection) {
	if len(payload) > MaxPayload {
		return nil, &Rejection{
			Code: CodeTooLarge, Reason: fmt.Sprintf("the document has %d bytes, more than %d", len(payload), MaxPayload),
			Fix: "keep logs and reports elsewhere and put a path or link into the event",
		}
	}
	if !utf8.Valid(payload) {
		return nil, malformed("the document is not valid UTF-8")
	}
	if !json.Valid(payload) {
		return nil, malformed(syntaxProblem(payload))
	}
	if trimmed := bytes.TrimLeft(payload, " \t\r\n"); trimmed[0] != '{' {
		return nil, malformed("the document is " + shape(trimmed) + ", not a JSON object")
	}
	return splitObject(payload)
}

// splitObject reads the fields of valid JSON that begins an object, and notes which are repeated.
func splitObject(payload []byte) (*document, *Rejection) {
	decoder := json.NewDecoder(bytes.NewReader(payload))
	if _, err := decoder.Token(); err != nil {
		return nil, malformed("the document is not a JSON object")
	}
	d := &document{fields: map[string]json.RawMessage{}, repeated: map[string]bool{}}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, malformed("the document is not a JSON object")
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, malformed("the document is not a JSON object")
		}
		key, _ := name.(string)
		if _, again := d.fields[key]; again {
			d.repeated[key] = true
		}
		d.fields[key] = value
	}
	return d, nil
}

// once rejects a document that gives one of the fields which are read of it more than once: encoding/json would take the
// last of them, while another reader of the record might take the first. Others may be repeated.
func (d *document) once(read map[string]bool) {
	for _, field := range slices.Sorted(maps.Keys(d.repeated)) {
		if read[field] {
			d.reject(&Rejection{Code: CodeDuplicate, Field: field, Reason: "is given more than once", Fix: "give it once"})
		}
	}
}

func malformed(reason string) *Rejection {
	return &Rejection{Code: CodeMalformed, Reason: reason, Fix: "publish one JSON object; see docs/event.schema.json"}
}

// syntaxProblem says where the JSON breaks; the publisher's own text is left out of it.
func syntaxProblem(payload []byte) string {
	if len(bytes.TrimSpace(payload)) == 0 {
		return "the document is empty"
	}
	var value any
	if syntax, ok := errors.AsType[*json.SyntaxError](json.Unmarshal(payload, &value)); ok {
		line := 1 + bytes.Count(payload[:syntax.Offset], []byte("\n"))
		return fmt.Sprintf("the document is not valid JSON at line %d, byte %d", line, syntax.Offset)
	}
	return "the document is not valid JSON"
}

// shape names the JSON type of a value for a person.
func shape(raw json.RawMessage) string {
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	default:
		return "a number"
	}
}

// knownFields are the names of the fields that Event reads, by its own tags.
func knownFields() map[string]bool {
	known := map[string]bool{}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Event]()) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name != "" && name != "-" {
			known[name] = true
		}
	}
	return known
}

// reject keeps the first rejection.
func (d *document) reject(r *Rejection) {
	if d.rejection == nil {
		d.rejection = r
	}
}

// raw returns the field's value; null counts as absent, because many serialisers write it for what is not set.
func (d *document) raw(field string) (json.RawMessage, bool) {
	value, given := d.fields[field]
	return value, given && string(value) != "null" && d.rejection == nil
}

// text reads a string field that satisfies all the rules; an absent or empty one is "" and satisfies them.
func (d *document) text(field string, rules ...rule) string {
	raw, given := d.raw(field)
	if !given {
		return ""
	}
	var value string
	if json.Unmarshal(raw, &value) != nil {
		d.reject(wrongType(field, raw, "a string"))
		return ""
	}
	if value == "" {
		return ""
	}
	if r := check(field, value, rules); r != nil {
		d.reject(r)
		return ""
	}
	return value
}

// required reads a string field that must be there.
func (d *document) required(field, fix string, rules ...rule) string {
	value := d.text(field, rules...)
	if value == "" {
		d.reject(&Rejection{Code: CodeMissing, Field: field, Reason: "is required", Fix: fix})
	}
	return value
}

func (d *document) boolean(field string) bool {
	raw, given := d.raw(field)
	if !given {
		return false
	}
	var value bool
	if json.Unmarshal(raw, &value) != nil {
		d.reject(wrongType(field, raw, "true or false"))
		return false
	}
	return value
}

// percent reads an integer from 1 to 100; an absent one is 0.
func (d *document) percent(field string) int {
	raw, given := d.raw(field)
	if !given {
		return 0
	}
	var value json.Number
	if raw[0] == '"' || json.Unmarshal(raw, &value) != nil {
		d.reject(wrongType(field, raw, "a number"))
		return 0
	}
	percent, err := strconv.Atoi(value.String())
	if err != nil || percent < 1 || percent > 100 {
		d.reject(invalid(field, scalar(raw), "is not a whole number of per cent from 1 to 100", "give it as 5, 25 or 100"))
		return 0
	}
	return percent
}

// list reads a list of at most limit strings; empty lists are nil.
func (d *document) list(field string, limit int, rules ...rule) []string {
	raw, given := d.raw(field)
	if !given {
		return nil
	}
	var values []*string
	if json.Unmarshal(raw, &values) != nil {
		d.reject(wrongType(field, raw, "a list of strings"))
		return nil
	}
	if len(values) > limit {
		d.reject(invalid(field, "", fmt.Sprintf("has %d entries, more than %d", len(values), limit), "shorten the list"))
		return nil
	}
	var list []string
	for i, value := range values {
		place := fmt.Sprintf("%s[%d]", field, i)
		if value == nil || *value == "" {
			d.reject(invalid(place, "", "is empty", "give a text or leave the entry out"))
			return nil
		}
		if r := check(place, *value, rules); r != nil {
			d.reject(r)
			return nil
		}
		list = append(list, *value)
	}
	return list
}
