package config

import (
	"cmp"
	"errors"
	"net/url"
	"strings"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/notifier"
)

// CDEventsSink publishes CDEvents on the daemon's NATS: incident detected, reported and resolved, and service rolledback. Notices that CDEvents
// has no words for it leaves out.
type CDEventsSink struct {
	// Subject is where they are published; {environment}, {namespace} and {workload} stand for those of the deployment. Default
	// rollbackd.cdevents.{environment}.{namespace}.{workload}.
	Subject string `yaml:"subject"`
	// Source names the daemon among all that write events, as a URI reference. Default /rollbackd/ and the instance.
	Source string `yaml:"source"`
	// SpecVersion is the version of CDEvents, 0.4 or 0.5. Default 0.5.
	SpecVersion notifier.CDEventsVersion `yaml:"specVersion"`
	// Mode is binary, which puts the attributes of the CloudEvent into headers, or structured, which puts all into the payload. Default binary.
	Mode notifier.CloudEventsMode `yaml:"mode"`
}

// UnmarshalYAML implements the decoder's interface; fields that are left out get their defaults.
func (s *CDEventsSink) UnmarshalYAML(unmarshal func(any) error) error {
	*s = CDEventsSink{Subject: notifier.DefaultCDEventsSubject, SpecVersion: notifier.CDEvents05, Mode: notifier.Binary}
	type plain CDEventsSink
	return unmarshal((*plain)(s))
}

func (s *CDEventsSink) check(k *checker, field func(...any) []any) {
	switch {
	case !publishable(s.Subject):
		k.say(field("subject"), "%q is not a subject to publish on; write it as delivery.{environment}.{namespace}.{workload}", s.Subject)
	case taken(s.Subject):
		k.say(field("subject"), "%q is a subject that NATS or rollbackd uses for something else; use one of your own, or one that begins with %s.",
			s.Subject, event.CDEventsSubjectPrefix)
	}
	if _, err := url.Parse(s.Source); err != nil || strings.ContainsAny(s.Source, " \t\r\n") {
		k.say(field("source"), "%q is not a URI reference; write it as /rollbackd/production-eu", s.Source)
	}
	oneOf(k, field("specVersion"), "a version of CDEvents that is known here", s.SpecVersion, []notifier.CDEventsVersion{notifier.CDEvents04, notifier.CDEvents05})
	oneOf(k, field("mode"), "a mode", s.Mode, []notifier.CloudEventsMode{notifier.Binary, notifier.Structured})
}

// checkDocuments keeps documents off the subjects of sources: the daemon would be told its own, and whoever may publish for a source could
// forge them.
func (c *Config) checkDocuments(k *checker) {
	for i, s := range c.Notify.Sinks {
		if s.CDEvents == nil || !publishable(s.CDEvents.Subject) {
			continue
		}
		pattern := documentPattern(s.CDEvents.Subject)
		for _, source := range c.Sources {
			if isSubject(source.Subject) && overlap(pattern, source.Subject) {
				k.say([]any{"notify", "sinks", i, "cdevents", "subject"}, "%q has messages in common with %q of source %s, whose publishers could forge them; use another subject",
					s.CDEvents.Subject, source.Subject, source.Name)
			}
		}
	}
}

// documentPattern matches the subjects of documents: a name is a token, and the workload's, which may hold dots, may be several.
func documentPattern(subject string) string {
	tokens := strings.Split(subject, ".")
	for i, t := range tokens {
		if strings.Contains(t, "{workload}") {
			return strings.Join(append(tokens[:i], ">"), ".")
		}
		if strings.Contains(t, "{") {
			tokens[i] = "*"
		}
	}
	return strings.Join(tokens, ".")
}

// publishable reports whether a subject is one when names stand in it.
func publishable(subject string) bool {
	named := strings.NewReplacer("{environment}", "x", "{namespace}", "x", "{workload}", "x").Replace(subject)
	for token := range strings.SplitSeq(named, ".") {
		if token == "" || strings.ContainsAny(token, "*>{} \t\r\n") {
			return false
		}
	}
	return true
}

// taken reports whether documents on a subject would be taken for something else: an event, a request, an answer, or NATS' own.
func taken(subject string) bool {
	first, _, _ := strings.Cut(subject, ".")
	if first == "rollbackd" {
		return !strings.HasPrefix(subject, event.CDEventsSubjectPrefix+".")
	}
	return strings.HasPrefix(first, "$") || strings.HasPrefix(first, "_INBOX") || strings.HasPrefix(first, "{") || first == event.SubjectPrefix
}

func (*CDEventsSink) resolve(string) {}

// manner lets each notice be an event of its own.
func (*CDEventsSink) manner() manner { return manner{} }

func (s *CDEventsSink) build(name string, tools SinkTools) (notifier.Sink, error) {
	if tools.NATS == nil {
		return nil, errors.New("cdevents: it publishes on the daemon's NATS, which is inside the daemon; only with nats.url can it be tried from elsewhere")
	}
	return notifier.NewCDEvents(notifier.CDEventsOptions{
		Name: name, Conn: tools.NATS, Subject: s.Subject, Source: cmp.Or(s.Source, sourceOf(tools)), Version: s.SpecVersion, Mode: s.Mode,
	})
}
