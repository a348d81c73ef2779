package config

import (
	"slices"
	"strings"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/watch"
	"github.com/rollbackd/rollbackd/rollback"
)

// Source is a subject of NATS on which others tell of deployments, beside deployments.>. Whoever may publish there is trusted for
// the namespaces that it lists.
type Source struct {
	// Name is what people are shown, and what it says wrong is answered on rollbackd.rejected.source.<name>: lower-case letters,
	// digits and dashes. Required.
	Name string `yaml:"name"`
	// Subject is what the others publish on; it may hold the wildcards of NATS. Required.
	Subject string `yaml:"subject"`
	// Stream is a JetStream stream that captures the subject already. Empty has the daemon make a stream of its own, so that nothing
	// is lost while it is away.
	Stream string `yaml:"stream"`
	// Format is what is published: flux (events of Flux's notification-controller), cdevents (CDEvents, with or without a
	// CloudEvent around them) or native (rollbackd's own events, with or without one). Required.
	Format watch.SourceFormat `yaml:"format"`
	// Environment is the one of environments in which all of it happens. Required.
	Environment string `yaml:"environment"`
	// Namespaces are those for whose workloads the source is trusted. Required.
	Namespaces []string `yaml:"namespaces"`
	// Target says which workloads the events are about, where they do not tell it themselves.
	Target SourceTarget `yaml:"target"`
}

// SourceTarget says which workloads the events of a source are about.
type SourceTarget struct {
	// Kinds are those whose workloads are looked through for the labels of Flux's objects, with format flux: Deployment,
	// StatefulSet, DaemonSet. Each takes the permission to list them. Default [Deployment].
	Kinds []WorkloadKind `yaml:"kinds"`
	// Namespace is the namespace of every workload, with format cdevents. Empty means the only one of namespaces, or if there are several
	// the last but one part of the subject's id, as in shop/checkout.
	Namespace string `yaml:"namespace"`
	// Workload is the workload of every event, with format cdevents. Empty means the last part of the subject's id.
	Workload string `yaml:"workload"`
}

// WorkloadKind is a kind of workloads.
type WorkloadKind string

// The kinds.
const (
	KindDeployment  WorkloadKind = "Deployment"
	KindStatefulSet WorkloadKind = "StatefulSet"
	KindDaemonSet   WorkloadKind = "DaemonSet"
)

// WatchSources returns the sources in the form in which watches are told of them.
func (c *Config) WatchSources() []watch.Source {
	var out []watch.Source
	for _, s := range c.Sources {
		to := watch.Source{
			Name: s.Name, Format: s.Format, Environment: s.Environment, Namespaces: s.Namespaces,
			Namespace: s.Target.Namespace, Workload: s.Target.Workload,
		}
		for _, kind := range s.Target.Kinds {
			to.Kinds = append(to.Kinds, rollback.KindNamed(string(kind)))
		}
		if len(to.Kinds) == 0 {
			to.Kinds = []rollback.Kind{rollback.KindDeployment}
		}
		out = append(out, to)
	}
	return out
}

func (c *Config) checkSources(k *checker) {
	names := map[string]bool{}
	for i, s := range c.Sources {
		at := func(path ...any) []any { return append([]any{"sources", i}, path...) }
		if !event.IsName(s.Name) || names[s.Name] {
			k.say(at("name"), "%q is not a name of its own of lower-case letters, digits and dashes", s.Name)
		}
		names[s.Name] = true
		c.checkSubject(k, at, i)
		s.check(k, at)
		if !slices.Contains(c.Environments, s.Environment) {
			k.say(at("environment"), "%q is not one of the environments that this daemon watches; use one of %q", s.Environment, c.Environments)
		}
	}
	for i, u := range c.NATS.Embedded.Users {
		for j, name := range u.Sources {
			if !names[name] {
				k.say([]any{"nats", "embedded", "users", i, "sources", j}, "%q is not the name of a source; add it to sources, or check its spelling", name)
			}
		}
	}
}

// checkSubject keeps a source away from what is rollbackd's and NATS' own, and from the sources before it.
func (c *Config) checkSubject(k *checker, at func(...any) []any, i int) {
	s := c.Sources[i]
	if !isSubject(s.Subject) {
		k.say(at("subject"), "%q is not a subject of NATS that begins with a name; write it as flux.production or ci.*.deployed", s.Subject)
		return
	}
	first, _, _ := strings.Cut(s.Subject, ".")
	if first == event.SubjectPrefix || first == "rollbackd" || strings.HasPrefix(first, "$") || strings.HasPrefix(first, "_INBOX") {
		k.say(at("subject"), "%q belongs to rollbackd or to NATS; use a subject that begins otherwise", s.Subject)
	}
	for _, earlier := range c.Sources[:i] {
		if isSubject(earlier.Subject) && overlap(earlier.Subject, s.Subject) {
			k.say(at("subject"), "%q has messages in common with %q of source %s; give each source its own", s.Subject, earlier.Subject, earlier.Name)
		}
	}
}

func (s Source) check(k *checker, at func(...any) []any) {
	if strings.ContainsAny(s.Stream, " .*>/\\\t\r\n") {
		k.say(at("stream"), "%q is not the name of a stream; use it as nats stream ls shows it", s.Stream)
	}
	if s.Format != watch.SourceFlux && s.Format != watch.SourceCDEvents && s.Format != watch.SourceNative {
		k.say(at("format"), "%q is not a format; use flux, cdevents or native", s.Format)
	}
	if len(s.Namespaces) == 0 {
		k.say(at("namespaces"), "is empty; list the namespaces for which the source is trusted")
	}
	for i, namespace := range s.Namespaces {
		k.namespace(at("namespaces", i), namespace)
	}
	for i, kind := range s.Target.Kinds {
		if kind != KindDeployment && kind != KindStatefulSet && kind != KindDaemonSet {
			k.say(at("target", "kinds", i), "%q is not a kind; use Deployment, StatefulSet or DaemonSet", kind)
		}
	}
	s.Target.check(k, at, s)
}

func (t SourceTarget) check(k *checker, at func(...any) []any, s Source) {
	if len(t.Kinds) > 0 && s.Format != watch.SourceFlux {
		k.say(at("target", "kinds"), "has no effect with format %s, whose events name their workload; remove it", s.Format)
	}
	if t.Namespace != "" && !slices.Contains(s.Namespaces, t.Namespace) {
		k.say(at("target", "namespace"), "%q is not one of namespaces; list it there", t.Namespace)
	}
	if s.Format == watch.SourceCDEvents {
		return
	}
	for _, field := range [][2]string{{"namespace", t.Namespace}, {"workload", t.Workload}} {
		if field[1] != "" {
			k.say(at("target", field[0]), "has no effect with format %s; remove it", s.Format)
		}
	}
}

// isSubject reports whether a subject is one of NATS, and begins with a token that is no wildcard.
func isSubject(subject string) bool {
	tokens := strings.Split(subject, ".")
	for i, token := range tokens {
		switch {
		case token == "" || strings.ContainsAny(token, " \t\r\n"):
			return false
		case token == "*":
			if i == 0 {
				return false
			}
		case token == ">":
			if i == 0 || i < len(tokens)-1 {
				return false
			}
		case strings.ContainsAny(token, "*>"):
			return false
		}
	}
	return true
}

// overlap reports whether a message may have a subject that both match.
func overlap(a, b string) bool {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(x), len(y)) {
		switch {
		case x[i] == ">" || y[i] == ">":
			return true
		case x[i] != y[i] && x[i] != "*" && y[i] != "*":
			return false
		}
	}
	return len(x) == len(y)
}
