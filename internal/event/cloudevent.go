package event

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"mime"
	"strings"
)

// native returns the document that says the same in our own fields: the document itself, or what a CloudEvent or a CDEvent
// comes to. A rejection is noted in what is returned.
func (d *document) native(target *Target) *document {
	switch {
	case d.isCloudEvent():
		return d.fromCloudEvent(target)
	case d.isCDEvent():
		return d.fromCDEvent(target)
	}
	d.once(knownFields())
	return d
}

// isCloudEvent goes by the attributes that every CloudEvent has and that our own documents do not.
func (d *document) isCloudEvent() bool {
	for _, attribute := range []string{"specversion", "type", "source"} {
		if d.shownAs(attribute) != '"' {
			return false
		}
	}
	return true
}

// shownAs is the first character of a field's value, which tells its JSON type; zero if there is none.
func (d *document) shownAs(field string) byte {
	if raw := d.fields[field]; len(raw) > 0 {
		return raw[0]
	}
	return 0
}

func cloudEventAttributes() map[string]bool {
	return map[string]bool{
		"specversion": true, "id": true, "source": true, "type": true, "time": true, "datacontenttype": true, "data": true, "data_base64": true,
	}
}

// envelope is what is read of a CloudEvent around its data.
type envelope struct{ id, source, kind, time string }

// envelope reads the attributes of a CloudEvent.
func (d *document) envelope() envelope {
	d.once(cloudEventAttributes())
	if version := d.required("specversion", "give it as 1.0", upTo(MaxText)); version != "1.0" {
		d.reject(&Rejection{
			Code: CodeUnsupported, Field: "specversion", Value: Quote(version),
			Reason: Quote(version) + " is a version of CloudEvents that is not supported", Fix: "publish CloudEvents of version 1.0",
		})
	}
	return envelope{
		id:     d.required("id", "every CloudEvent has an id", upTo(MaxReference)),
		source: d.required("source", "every CloudEvent has a source", upTo(MaxReference)),
		kind:   d.required("type", "every CloudEvent has a type", upTo(MaxText)),
		time:   d.text("time", upTo(MaxText)),
	}
}

// fromCloudEvent reads the data of a CloudEvent, which is a CDEvent or our own document.
func (d *document) fromCloudEvent(target *Target) *document {
	around := d.envelope()
	data := d.data()
	if d.rejection != nil {
		return d
	}
	inner, rejection := parseDocument(data)
	if rejection != nil {
		rejection.Field = "data"
		d.reject(rejection)
		return d
	}
	switch {
	case inner.isCDEvent():
		return inner.fromCDEvent(target)
	case isCDEventType(around.kind):
		d.reject(invalid("data", "", "is not the CDEvent that the type "+Quote(around.kind)+" promises", "put the whole CDEvent into it, its context too"))
		return d
	case inner.isCloudEvent():
		d.reject(invalid("data", "", "is a CloudEvent in a CloudEvent", "publish the inner one alone"))
		return d
	}
	inner.once(knownFields())
	inner.complete("id", eventID(around.source, around.id))
	inner.complete("timestamp", around.time)
	return inner
}

// data returns the bytes of a CloudEvent's data, which must be JSON.
func (d *document) data() []byte {
	if kind := d.text("datacontenttype", upTo(MaxText)); !isJSON(kind) {
		d.reject(&Rejection{
			Code: CodeUnsupported, Field: "datacontenttype", Value: Quote(kind), Reason: Quote(kind) + " is not JSON", Fix: "publish JSON",
		})
		return nil
	}
	plain, isPlain := d.raw("data")
	encoded := d.text("data_base64")
	switch {
	case isPlain && encoded != "":
		d.reject(invalid("data_base64", "", "is given beside data", "give one of the two"))
	case isPlain && plain[0] != '{':
		d.reject(wrongType("data", plain, "an object"))
	case isPlain:
		return plain
	case encoded == "":
		d.reject(&Rejection{Code: CodeMissing, Field: "data", Reason: "is required", Fix: "put the CDEvent, or rollbackd's own event, into it"})
	default:
		decoded, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			d.reject(invalid("data_base64", "", "is not base64", "encode it as RFC 4648 says, or use data"))
		}
		return decoded
	}
	return nil
}

// isJSON reports whether a media type is that of JSON; none means JSON.
func isJSON(kind string) bool {
	if kind == "" {
		return true
	}
	media, _, err := mime.ParseMediaType(kind)
	return err == nil && (media == "application/json" || media == "text/json" || strings.HasSuffix(media, "+json"))
}

// complete gives a field a value where the document does not; the empty one is none.
func (d *document) complete(field, value string) {
	if _, given := d.raw(field); given || value == "" || d.rejection != nil {
		return
	}
	text, err := json.Marshal(value)
	if err == nil {
		d.fields[field] = text
	}
}

// eventID tells events of different sources apart. A source is a URI reference, in which there is no blank, so no two pairs
// have one ID.
func eventID(source, id string) string {
	if source == "" || id == "" {
		return ""
	}
	if whole := source + " " + id; len(whole) <= MaxText {
		return whole
	}
	return fmt.Sprintf("sha256:%s", digest([]string{source, id}))
}

// withoutEnvelope returns the data of a CloudEvent, and everything else as it is.
func withoutEnvelope(raw []byte) []byte {
	doc, rejection := parseDocument(raw)
	if rejection != nil || !doc.isCloudEvent() {
		return raw
	}
	if data := doc.data(); doc.rejection == nil {
		return data
	}
	return raw
}
