package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/url"
	"slices"
	"strings"
)

const (
	// attributePrefix begins the names of the headers that hold a CloudEvent's attributes in the binary mode.
	attributePrefix = "ce-"
	contentType     = "content-type"

	structuredMode = "application/cloudevents+json"
	batchedMode    = "application/cloudevents-batch+json"
)

// Structured returns the document that a message with these headers holds. For a CloudEvent in the binary mode, whose
// attributes are headers, that is the same event in the structured mode, with the payload as it is for its data: so nothing is
// lost, and a record needs one document alone. Every other payload is its own document. The names of headers are
// compared without regard to case.
func Structured(headers map[string][]string, payload []byte) ([]byte, *Rejection) {
	media := mediaType(headers)
	if media == batchedMode {
		return nil, &Rejection{
			Code: CodeUnsupported, Field: "Content-Type", Value: Quote(media), Reason: Quote(media) + " is a batch of events", Fix: "publish one event in a message",
		}
	}
	attributes, rejection := attributes(headers)
	if rejection != nil || len(attributes) == 0 || media == structuredMode {
		return payload, rejection
	}
	if _, rejection := parseDocument(payload); rejection != nil {
		return nil, rejection
	}
	document, err := envelop(attributes, payload)
	if err != nil {
		return nil, malformed("the attributes of the CloudEvent cannot be written as JSON")
	}
	if len(document) > MaxPayload {
		return nil, &Rejection{
			Code: CodeTooLarge, Reason: fmt.Sprintf("the document and its headers have %d bytes, more than %d", len(document), MaxPayload),
			Fix: "keep logs and reports elsewhere and put a path or link into the event",
		}
	}
	return document, nil
}

func mediaType(headers map[string][]string) string {
	for name, values := range headers {
		if strings.EqualFold(name, contentType) && len(values) > 0 {
			media, _, _ := mime.ParseMediaType(values[0])
			return media
		}
	}
	return ""
}

// attributes are those of a CloudEvent in the binary mode; none if the message is not one.
func attributes(headers map[string][]string) (map[string]string, *Rejection) {
	found := map[string]string{}
	for _, header := range slices.Sorted(maps.Keys(headers)) {
		name := strings.ToLower(header)
		attribute, isAttribute := strings.CutPrefix(name, attributePrefix)
		switch {
		case name == contentType:
			attribute = "datacontenttype"
		case !isAttribute:
			continue
		case !isAttributeName(attribute):
			return nil, invalid(Quote(header), "", "is not an attribute of a CloudEvent", "name attributes with lower-case letters and digits, and other than data")
		}
		if _, again := found[attribute]; again || len(headers[header]) != 1 {
			return nil, &Rejection{Code: CodeDuplicate, Field: header, Reason: "is given more than once", Fix: "give the header once"}
		}
		value, ok := unescape(headers[header][0])
		if !ok {
			return nil, invalid(header, Quote(headers[header][0]), "is not percent-encoded UTF-8", "encode the header as the CloudEvents HTTP binding does")
		}
		found[attribute] = value
	}
	if found["specversion"] == "" && found["type"] == "" && found["source"] == "" {
		return nil, nil
	}
	return found, nil
}

// isAttributeName holds the names to the CloudEvents specification; so they are safe to show.
func isAttributeName(name string) bool {
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') {
			return false
		}
	}
	return name != "" && name != "data" && len(name) <= MaxText
}

// unescape undoes the quotes and the percent-encoding of a header's value.
func unescape(value string) (string, bool) {
	if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
		value = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(value[1 : len(value)-1])
	}
	text, err := url.PathUnescape(value)
	return text, err == nil && strings.ToValidUTF8(text, "") == text
}

// envelop writes the attributes and the data as one object, always in the same order.
func envelop(attributes map[string]string, data []byte) ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		value, err := json.Marshal(attributes[name])
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&out, "%q:%s,", name, value)
	}
	out.WriteString(`"data":`)
	out.Write(bytes.TrimSpace(data))
	out.WriteByte('}')
	return out.Bytes(), nil
}
