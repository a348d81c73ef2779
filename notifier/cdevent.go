package notifier

import (
	"cmp"
	"net/url"
	"strings"
	"time"
)

// This file tells notices in the words of CDEvents (https://cdevents.dev). It is pure.

// CDEventsVersion is the version of the specification of CDEvents that documents are written by.
type CDEventsVersion string

// The versions. They differ in the name of the context's version, in the versions of the types, and in the subject's type, which
// 0.5 has no more.
const (
	CDEvents04 CDEventsVersion = "0.4"
	CDEvents05 CDEventsVersion = "0.5"
)

// maxField bounds each string of a document in runes: an event must fit into a message, whatever was announced.
const maxField = 1000

// cdEvent is one document. What is optional in the specification is left out where it is not known.
type cdEvent struct {
	Context    cdContext         `json:"context"`
	Subject    cdSubject         `json:"subject"`
	CustomData map[string]string `json:"customData,omitempty"`
	CustomType string            `json:"customDataContentType,omitempty"`
}

type cdContext struct {
	// Version is how 0.4 calls what is SpecVersion from 0.5 on.
	Version     string    `json:"version,omitempty"`
	SpecVersion string    `json:"specversion,omitempty"`
	ID          string    `json:"id"`
	Source      string    `json:"source"`
	Type        string    `json:"type"`
	Timestamp   time.Time `json:"timestamp"`
	Links       []cdLink  `json:"links,omitempty"`
}

type cdLink struct {
	LinkType string `json:"linkType"`
	LinkKind string `json:"linkKind"`
	Target   cdID   `json:"target"`
}

type cdID struct {
	ContextID string `json:"contextId"`
}

type cdSubject struct {
	ID      string    `json:"id"`
	Source  string    `json:"source,omitempty"`
	Type    string    `json:"type,omitempty"`
	Content cdContent `json:"content"`
}

type cdContent struct {
	Description string       `json:"description,omitempty"`
	Environment cdReference  `json:"environment"`
	Service     *cdReference `json:"service,omitempty"`
	ArtifactID  string       `json:"artifactId,omitempty"`
	TicketURI   string       `json:"ticketURI,omitempty"`
}

type cdReference struct {
	ID string `json:"id"`
}

// cdWriter writes the documents of one daemon.
type cdWriter struct {
	source  string
	version CDEventsVersion
}

// events are the documents that tell n; there are none for most kinds, because CDEvents has no words for them.
func (w cdWriter) events(n Notice) []cdEvent {
	var out []cdEvent
	if n.RolledBack && (n.Kind == KindRolledBack || n.Kind == KindUnresolved) {
		out = append(out, w.rolledBack(n))
	}
	if n.Incident == "" {
		return out
	}
	switch n.Kind {
	case KindRegressed:
		out = append(out, w.incident("detected", detectedID(n), n))
	case KindAwaiting, KindUnresolved:
		if isWebAddress(n.Link) { // a report without the address of a ticket is not valid
			e := w.incident("reported", n.ID+".reported", n)
			e.Subject.Content.TicketURI = n.Link
			out = append(out, e)
		}
	case KindRolledBack, KindResolved:
		out = append(out, w.incident("resolved", n.ID+".resolved", n))
	}
	return out
}

// isWebAddress reports whether a browser can open it.
func isWebAddress(link string) bool {
	u, err := url.Parse(link)
	return err == nil && len(link) <= maxField && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http")
}

// detectedID is the ID of the document that tells of an incident first. It follows from the incident's, so that later ones can refer to it.
func detectedID(n Notice) string { return plain(n.Incident, maxField) + ".detected" }

func (w cdWriter) incident(predicate, id string, n Notice) cdEvent {
	e := w.event("incident", predicate, id, n)
	e.Subject.ID = plain(n.Incident, maxField)
	e.Subject.Content.Description = plain(n.Title, maxField)
	if n.Workload != "" {
		e.Subject.Content.Service = &cdReference{ID: plain(n.Workload, maxField)}
	}
	e.Subject.Content.ArtifactID = imagePURL(n.Image)
	return e
}

// rolledBack tells which artifact serves again. The document must name one; where the image is not known it names the version.
func (w cdWriter) rolledBack(n Notice) cdEvent {
	// A watch rolls back once, and may say so more than once: when it helped, and when the release came back.
	e := w.event("service", "rolledback", cmp.Or(plain(n.Watch, maxField), n.ID)+".rolledback", n)
	e.Subject.ID = plain(n.Workload, maxField)
	e.Subject.Content.ArtifactID = imagePURL(n.TargetImage)
	if e.Subject.Content.ArtifactID == "" {
		namespace, name, _ := strings.Cut(n.Workload, "/")
		e.Subject.Content.ArtifactID = genericPURL(plain(namespace, maxField), plain(name, maxField), plain(n.Target, maxField))
	}
	return e
}

// event is what all documents have.
func (w cdWriter) event(subject, predicate, id string, n Notice) cdEvent {
	e := cdEvent{
		Context: cdContext{SpecVersion: "0.5.1", ID: id, Source: w.source, Timestamp: n.At.UTC()},
		Subject: cdSubject{Source: w.source, Content: cdContent{Environment: cdReference{ID: plain(n.Environment, maxField)}}},
	}
	typeVersion := "0.3.0"
	if w.version == CDEvents04 {
		e.Context.Version, e.Context.SpecVersion = "0.4.1", ""
		e.Subject.Type = subject
		typeVersion = "0.2.0"
	}
	e.Context.Type = "dev.cdevents." + subject + "." + predicate + "." + typeVersion
	e.Context.Links = triggers(n, id)
	e.CustomData = evidence(n)
	if len(e.CustomData) > 0 {
		e.CustomType = "application/json"
	}
	return e
}

// triggers link a document to the deploy tool's own event and to the one that told of the incident first.
func triggers(n Notice, id string) []cdLink {
	var out []cdLink
	link := func(to string) {
		if to != "" && to != id {
			out = append(out, cdLink{LinkType: "RELATION", LinkKind: "TRIGGER", Target: cdID{ContextID: to}})
		}
	}
	link(plain(n.EventID, maxField))
	if n.Incident != "" {
		link(detectedID(n))
	}
	return out
}

// evidence is what CDEvents has no fields for: the number, what it was held against, and where to read on.
func evidence(n Notice) map[string]string {
	out := map[string]string{}
	for _, f := range []struct{ key, value string }{
		{"metric", n.Signal}, {"value", n.Value}, {"threshold", n.Limit}, {"baseline", n.Baseline},
		{"incident", n.Incident}, {"link", n.Link}, {"version", n.Version}, {"target", n.Target},
	} {
		if v := plain(f.value, maxField); v != "" {
			out[f.key] = v
		}
	}
	return out
}
