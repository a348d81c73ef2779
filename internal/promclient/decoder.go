package promclient

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/prometheus/common/model"
)

// decoder reads an answer's JSON token by token.
type decoder struct {
	in *jsontext.Decoder
	// known are the strings that were read before: an answer repeats the same few names and values of labels in every series.
	known map[string]string
	// stream is what every series is read into.
	stream model.SampleStream
	spare  []byte
}

// newDecoder is as lenient as the standard library's: what names come twice or are no UTF-8 is for others to mind.
func newDecoder(from io.Reader) decoder {
	return decoder{
		in:    jsontext.NewDecoder(from, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)),
		known: map[string]string{}, stream: model.SampleStream{Metric: model.Metric{}},
	}
}

// valueError says that JSON is not what was expected.
type valueError struct{ text string }

// Error implements error.
func (e *valueError) Error() string { return e.text }

func (d *decoder) unexpected(want string) error {
	return &valueError{fmt.Sprintf("%s where %s was expected", kindName(d.in.PeekKind()), want)}
}

func kindName(k jsontext.Kind) string {
	switch k {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case '0':
		return "a number"
	}
	return k.String()
}

// begin reads the opening bracket of an object or array; null counts as an empty one.
func (d *decoder) begin(open jsontext.Kind) (more bool, err error) {
	switch kind := d.in.PeekKind(); {
	case kind == 'n':
		return false, d.in.SkipValue()
	case kind != open && kind > 0:
		return false, d.unexpected(kindName(open))
	}
	_, err = d.in.ReadToken()
	return true, err
}

// object reads an object, whose values are read by what is called with their names.
func (d *decoder) object(value func(name string) error) error {
	more, err := d.begin('{')
	if err != nil || !more {
		return err
	}
	for d.in.PeekKind() != '}' {
		name, err := d.text()
		if err != nil {
			return err
		}
		if err := value(name); err != nil {
			return err
		}
	}
	_, err = d.in.ReadToken()
	return err
}

// array reads an array, whose elements are read by what is called.
func (d *decoder) array(element func() error) error {
	more, err := d.begin('[')
	if err != nil || !more {
		return err
	}
	for d.in.PeekKind() != ']' {
		if err := element(); err != nil {
			return err
		}
	}
	_, err = d.in.ReadToken()
	return err
}

// text reads a string; null counts as an empty one.
func (d *decoder) text() (string, error) {
	raw, err := d.in.ReadValue()
	if err != nil {
		return "", err
	}
	switch raw.Kind() {
	case 'n':
		return "", nil
	case '"':
	default:
		return "", &valueError{fmt.Sprintf("%s where a string was expected", kindName(raw.Kind()))}
	}
	if d.spare, err = jsontext.AppendUnquote(d.spare[:0], raw); err != nil && len(d.spare) == 0 {
		return "", err // what is no UTF-8 has been replaced
	}
	s, known := d.known[string(d.spare)]
	if !known {
		s = string(d.spare)
		d.known[s] = s
	}
	return s, nil
}

func (d *decoder) texts() ([]string, error) {
	var out []string
	err := d.array(func() error {
		s, err := d.text()
		out = append(out, s)
		return err
	})
	return out, err
}

// matrix reads the result of a range selector and hands on its series.
func (d *decoder) matrix(each func(*model.SampleStream)) error {
	return d.array(func() error {
		s := &d.stream
		clear(s.Metric)
		s.Values, s.Histograms = s.Values[:0], nil
		if err := d.object(d.part); err != nil {
			return err
		}
		each(s)
		return nil
	})
}

// part reads one part of a series. What else a series might hold cannot be left out of account.
func (d *decoder) part(name string) error {
	if d.in.PeekKind() == 'n' {
		return &valueError{"null for the " + name + " of a series"}
	}
	switch name {
	case "metric":
		return d.object(func(label string) error {
			value, err := d.text()
			d.stream.Metric[model.LabelName(label)] = model.LabelValue(value)
			return err
		})
	case "values":
		return d.array(d.sample)
	case "histograms": // seldom, and nested
		raw, err := d.in.ReadValue()
		if err != nil {
			return err
		}
		if err := json.Unmarshal(raw, &d.stream.Histograms); err != nil {
			return wrongValue(err)
		}
		return nil
	}
	return &valueError{fmt.Sprintf("unexpected key %q in a series", name)}
}

// sample reads a pair of a time and a value, which is a string.
func (d *decoder) sample() error {
	raw, err := d.in.ReadValue()
	if err != nil {
		return err
	}
	if raw.Kind() != '[' {
		return &valueError{kindName(raw.Kind()) + " where a sample was expected"}
	}
	first, second, pair := bytes.Cut(raw[1:len(raw)-1], []byte{','})
	if !pair {
		return &valueError{"a sample without a value"}
	}
	t, err := milliseconds(bytes.TrimSpace(first))
	if err != nil {
		return wrongValue(err)
	}
	v, err := number(bytes.TrimSpace(second))
	if err != nil {
		return wrongValue(err)
	}
	d.stream.Values = append(d.stream.Values, model.SamplePair{Timestamp: t, Value: v})
	return nil
}

// wrongValue is for values that could be read but not understood.
func wrongValue(err error) error { return &valueError{err.Error()} }
