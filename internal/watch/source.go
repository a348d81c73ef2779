package watch

import (
	"context"
	"errors"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/rollback"
)

// SourceFormat is what the messages of a source are.
type SourceFormat string

// The formats of sources.
const (
	// SourceNative are our own documents, with or without a CloudEvent around them.
	SourceNative SourceFormat = "native"
	// SourceCDEvents are CDEvents, with or without a CloudEvent around them.
	SourceCDEvents SourceFormat = "cdevents"
	// SourceFlux are events of Flux's notification controller.
	SourceFlux SourceFormat = "flux"
)

// Source is a subject on which others tell of deployments, beside the one on which NATS permissions say who may speak for which
// workload. It is trusted for one environment and for the namespaces that it lists, and for nothing else.
type Source struct {
	Name        string
	Format      SourceFormat
	Environment string
	Namespaces  []string
	// Kinds are the kinds of workloads that an event of Flux is about.
	Kinds []rollback.Kind
	// Namespace and Workload are whom every CDEvent is about; where one is empty, the event's own subject tells.
	Namespace, Workload string
}

// Labelled lists the workloads of a kind in a namespace that carry all of the labels. An error says that it is not known which
// there are.
type Labelled interface {
	Labelled(ctx context.Context, kind rollback.Kind, namespace string, labels map[string]string) ([]rollback.Snapshot, error)
}

// AcceptFrom takes in a message of a source, and answers as Accept does: nil once every watch that it begins is stored, of which
// there may be none.
func (s *Supervisor) AcceptFrom(ctx context.Context, from Source, m Published) error {
	switch from.Format {
	case SourceFlux:
		return s.acceptFlux(ctx, from, m)
	case SourceCDEvents:
		subject, err := event.CDEventSubject(m.Data)
		if err != nil {
			return err
		}
		return s.acceptFor(ctx, from, from.named(subject), m)
	default:
		e, err := event.Parse(m.Data)
		if err != nil {
			return err
		}
		return s.acceptFor(ctx, from, e.Target(), m)
	}
}

// acceptFor accepts an event as if it had been published on the subject of its workload, if the source may speak for that.
func (s *Supervisor) acceptFor(ctx context.Context, from Source, t event.Target, m Published) error {
	if r := from.refuses(t); r != nil {
		return r
	}
	if _, err := event.ParseSubject(t.Subject()); err != nil {
		return &event.Rejection{
			Code: event.CodeInvalid, Field: "subject.id", Value: event.Quote(t.Namespace + "/" + t.Workload),
			Reason: event.Quote(t.Namespace+"/"+t.Workload) + " does not name a workload",
			Fix:    "have the last part of the subject's id be the workload's name, or set target.workload of the source",
		}
	}
	m.Subject = t.Subject()
	s.opts.Log.Debug("a source tells of a deployment", zap.String("source", from.Name), zap.String("subject", m.Subject))
	return s.Accept(ctx, m)
}

// named is the workload that a CDEvent's subject names: the last part of its id, as in service/checkout. The part before it is the
// namespace where the source lists several, as in shop/checkout.
func (from Source) named(subject string) event.Target {
	t := event.Target{Environment: from.Environment, Namespace: from.Namespace, Workload: from.Workload}
	parts := strings.Split(subject, "/")
	if t.Workload == "" {
		t.Workload = parts[len(parts)-1]
	}
	switch {
	case t.Namespace != "":
	case len(from.Namespaces) == 1:
		t.Namespace = from.Namespaces[0]
	case len(parts) > 1:
		t.Namespace = parts[len(parts)-2]
	}
	return t
}

// refuses says why a source may not speak for a workload; nil if it may.
func (from Source) refuses(t event.Target) *event.Rejection {
	field, value, trusted := "environment", t.Environment, from.Environment
	if t.Environment == from.Environment {
		if slices.Contains(from.Namespaces, t.Namespace) {
			return nil
		}
		field, value, trusted = "namespace", t.Namespace, strings.Join(from.Namespaces, ", ")
	}
	return &event.Rejection{
		Code: event.CodeUnauthorised, Field: field, Value: event.Quote(value),
		Reason: event.Quote(value) + " is not one for which the source " + from.Name + " is trusted, which is " + trusted,
		Fix:    "list it in the configuration of the source, or publish on " + event.SubjectPrefix + ".<environment>.<namespace>.<workload>",
	}
}

// errNotYet: what a tool has applied does not show yet.
var errNotYet = errors.New("the controllers have not acted on what was applied yet")
