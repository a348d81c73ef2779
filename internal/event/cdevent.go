package event

import (
	"encoding/json"
	"regexp"
	"strings"
)

// CustomData is the field of a CDEvent's customData that may hold fields of a native event, for what CDEvents has no word.
const CustomData = "rollbackd"

// cdeventsPrefix begins the type of every CDEvent, custom ones (dev.cdeventsx) included.
const cdeventsPrefix = "dev.cdevents"

func isCDEventType(kind string) bool { return strings.HasPrefix(kind, cdeventsPrefix) }

// isCDEvent goes by the type in the context, which no document of ours has.
func (d *document) isCDEvent() bool {
	if d.shownAs("context") != '{' || d.shownAs("subject") != '{' {
		return false
	}
	context, rejection := splitObject(d.fields["context"])
	return rejection == nil && isCDEventType(context.text("type"))
}

// cdEvent is what is read of a CDEvent. What its type's version is, and that of the specification, makes no difference to any of
// it: these fields have been the same from 0.1 to 0.5, but for the name of the latter.
type cdEvent struct {
	id, source, kind, timestamp string
	// subject is the subject's id, environment that of its environment.
	subject, environment, artifact string
	// more are the fields of a native event in the custom data.
	more *document
}

// announces reports whether the type is one by which a deployment is announced as complete.
func (c cdEvent) announces() bool {
	return isType(c.kind, "service.deployed") || isType(c.kind, "service.upgraded")
}

// isType compares a type without its version, which is all that follows the predicate.
func isType(kind, name string) bool {
	rest, ok := strings.CutPrefix(kind, cdeventsPrefix+"."+name)
	return ok && (rest == "" || rest[0] == '.')
}

// cdEvent reads a CDEvent. Rejections are noted in d, with the path of the field.
func (d *document) cdEvent() cdEvent {
	d.once(map[string]bool{"context": true, "subject": true, "customData": true})
	context := d.object("context", "id", "source", "type", "timestamp", "version", "specversion")
	var c cdEvent
	c.kind = context.required("type", "every CDEvent has a type", upTo(MaxText))
	c.id = context.required("id", "every CDEvent has an id", upTo(MaxReference))
	c.source = context.required("source", "every CDEvent has a source", upTo(MaxReference))
	c.timestamp = context.required("timestamp", "every CDEvent has a timestamp", upTo(MaxText))
	if context.text("specversion", upTo(MaxText)) == "" { // as it is called from 0.5 on
		context.required("version", "every CDEvent says which version of the specification it follows, as context.specversion from 0.5 on", upTo(MaxText))
	}
	d.adopt("context", context)
	subject := d.object("subject", "id", "content")
	c.subject = subject.text("id", upTo(MaxReference))
	content := subject.object("content", "environment", "artifactId")
	c.artifact = content.text("artifactId", upTo(MaxReference))
	environment := content.object("environment", "id")
	c.environment = environment.text("id", upTo(MaxReference))
	content.adopt("environment", environment)
	subject.adopt("content", content)
	d.adopt("subject", subject)
	c.more = &document{fields: map[string]json.RawMessage{}}
	if custom := d.object("customData", CustomData); d.shownAs("customData") == '{' {
		c.more = custom.object(CustomData)
		c.more.once(knownFields())
		custom.adopt(CustomData, c.more)
		d.adopt("customData", custom)
	}
	return c
}

// object reads a field that holds an object of which the named fields are read; one that is absent is empty. What is not an
// object is a rejection, but for custom data, which may be anything.
func (d *document) object(field string, read ...string) *document {
	empty := &document{fields: map[string]json.RawMessage{}}
	raw, given := d.raw(field)
	switch {
	case !given:
		return empty
	case raw[0] != '{':
		if field != "customData" {
			d.reject(wrongType(field, raw, "an object"))
		}
		return empty
	}
	inner, rejection := splitObject(raw)
	if rejection != nil {
		d.reject(rejection)
		return empty
	}
	known := map[string]bool{}
	for _, name := range read {
		known[name] = true
	}
	inner.once(known)
	return inner
}

// adopt takes over what is wrong with the object that a field holds.
func (d *document) adopt(field string, inner *document) {
	if inner.rejection == nil {
		return
	}
	r := *inner.rejection
	r.Field = field + "." + r.Field
	d.reject(&r)
}

// fromCDEvent says what a CDEvent says in our own fields. Which workload it is about, the subject of NATS tells.
func (d *document) fromCDEvent(target *Target) *document {
	c := d.cdEvent()
	d.announcesDeployment(c)
	native := c.more
	version := native.text("version", upTo(MaxText))
	if version == "" {
		version = d.artifactVersion(c.artifact)
	}
	if target != nil {
		d.sameEnvironment(c.environment, target.Environment)
		native.complete("environment", target.Environment)
		native.complete("namespace", target.Namespace)
		native.complete("workload", target.Workload)
	} else if isPlain(c.environment) {
		native.complete("environment", c.environment)
	}
	delete(native.fields, "id") // a CDEvent has one of its own
	native.complete("id", eventID(c.source, c.id))
	native.complete("timestamp", c.timestamp)
	native.complete("version", version)
	if d.rejection != nil {
		native.rejection = d.rejection
	}
	return native
}

// announcesDeployment rejects all CDEvents but those that announce a deployment.
func (d *document) announcesDeployment(c cdEvent) {
	if d.rejection != nil || c.announces() {
		return
	}
	d.reject(&Rejection{
		Code: CodeNotADeployment, Field: "context.type", Value: Quote(c.kind), Reason: Quote(c.kind) + " announces no deployment",
		Fix: "announce deployments by " + cdeventsPrefix + ".service.deployed or " + cdeventsPrefix + ".service.upgraded",
	})
}

// artifactVersion is the version that the artifact's identifier names.
func (d *document) artifactVersion(artifact string) string {
	field, fix := "subject.content.artifactId", "give it as pkg:oci/NAME@sha256%3A…?tag=VERSION, or the version as customData."+CustomData+".version"
	if artifact == "" {
		d.reject(&Rejection{Code: CodeMissing, Field: field, Reason: "is required", Fix: fix})
		return ""
	}
	version, ok := artifactVersion(artifact)
	if !ok || len(version) > MaxText {
		d.reject(invalid(field, Quote(artifact), "does not tell which version was deployed", fix))
		return ""
	}
	return version
}

// sameEnvironment holds a CDEvent to the environment of its subject, where it names one. An identifier that is a path or a URI is
// the tool's own and says nothing of ours: then the subject alone counts.
func (d *document) sameEnvironment(said, authorised string) {
	if !isPlain(said) || strings.EqualFold(said, authorised) {
		return
	}
	d.reject(&Rejection{
		Code: CodeUnauthorised, Field: "subject.content.environment.id", Value: Quote(said),
		Reason: Quote(said) + " does not match the subject's environment " + Quote(authorised),
		Fix:    "publish on the subject of that environment, if your NATS user may, or identify it by a path or a URI",
	})
}

// isPlain tells a name from a path or a URI.
func isPlain(name string) bool {
	return regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`).MatchString(name)
}

// CDEventSubject reads of a CDEvent, with or without a CloudEvent around it, the id of its subject: the service as its tool calls it. The
// error is always a *Rejection; CDEvents that announce no deployment have the code CodeNotADeployment.
func CDEventSubject(payload []byte) (string, error) {
	doc, rejection := parseDocument(withoutEnvelope(payload))
	if rejection != nil {
		return "", rejection
	}
	if !doc.isCDEvent() {
		return "", &Rejection{Code: CodeUnsupported, Reason: "the document is not a CDEvent", Fix: "publish CDEvents here, and nothing else"}
	}
	c := doc.cdEvent()
	doc.announcesDeployment(c)
	if doc.rejection != nil {
		return "", doc.rejection
	}
	return c.subject, nil
}
