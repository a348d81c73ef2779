package notifier

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// CloudEventsMode is one of the modes of CloudEvents' NATS protocol binding.
type CloudEventsMode string

// The modes.
const (
	// Binary puts the attributes into headers and the document alone into the payload.
	Binary CloudEventsMode = "binary"
	// Structured puts all of it into the payload.
	Structured CloudEventsMode = "structured"
)

// DefaultCDEventsSubject is where documents are published; the names in braces stand for the notice's own.
const DefaultCDEventsSubject = "rollbackd.cdevents.{environment}.{namespace}.{workload}"

// CDEventsOptions configures a CDEvents sink.
type CDEventsOptions struct {
	// Name is the sink's.
	Name string
	// Conn is the connection that is published on.
	Conn *nats.Conn
	// Subject may hold {environment}, {namespace} and {workload}. Empty means DefaultCDEventsSubject.
	Subject string
	// Source is a URI reference that names this daemon among all that write events, such as /rollbackd/production-eu.
	Source string
	// Version of the specification; empty means CDEvents05.
	Version CDEventsVersion
	// Mode is Binary or Structured; empty means Binary.
	Mode CloudEventsMode
}

// CDEvents is a Sink that publishes CDEvents on NATS: an incident that is detected, reported and resolved, and a service that is rolled
// back. Other notices are none of its business, and are delivered by doing nothing.
type CDEvents struct {
	opts   CDEventsOptions
	writer cdWriter
	js     jetstream.JetStream
}

// NewCDEvents returns the sink. It fails only where the connection is of no use to JetStream, which no connection is.
func NewCDEvents(opts CDEventsOptions) (*CDEvents, error) {
	if opts.Subject == "" {
		opts.Subject = DefaultCDEventsSubject
	}
	if opts.Version == "" {
		opts.Version = CDEvents05
	}
	if opts.Mode == "" {
		opts.Mode = Binary
	}
	js, err := jetstream.New(opts.Conn)
	if err != nil {
		return nil, err
	}
	return &CDEvents{opts: opts, writer: cdWriter{source: opts.Source, version: opts.Version}, js: js}, nil
}

// Name returns the name that the sink was given.
func (c *CDEvents) Name() string { return c.opts.Name }

// Notify publishes what CDEvents has words for. The same notice again has the same IDs, by which a stream drops it.
func (c *CDEvents) Notify(ctx context.Context, n Notice) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, DefaultDeadline)
	defer cancel()
	if n.Kind == KindTest { // there is no document for it, so it tries the connection
		if err := c.opts.Conn.FlushWithContext(ctx); err != nil {
			return true, fmt.Errorf("reach NATS: %w", err)
		}
		return false, nil
	}
	subject := cdSubjectOf(c.opts.Subject, n)
	for _, e := range c.writer.events(n) {
		msg, err := c.message(subject, e)
		if err != nil {
			return false, fmt.Errorf("encode a CDEvent: %w", err)
		}
		if err := c.publish(ctx, msg); err != nil {
			return !errors.Is(err, nats.ErrMaxPayload), fmt.Errorf("publish %s on %s: %w", e.Context.Type, subject, err)
		}
	}
	return false, nil
}

// message is the document as a CloudEvent, of which the context's fields are the attributes.
func (c *CDEvents) message(subject string, e cdEvent) (*nats.Msg, error) {
	envelope := cloudEvent{
		SpecVersion: "1.0", ID: e.Context.ID, Source: e.Context.Source, Type: e.Context.Type, Subject: e.Subject.ID,
		Time: e.Context.Timestamp, DataContentType: "application/json", Data: e,
	}
	msg := nats.NewMsg(subject)
	// A stream knows what it has by this alone, so it names the daemon too.
	msg.Header.Set(jetstream.MsgIDHeader, headerValue(e.Context.Source+" "+e.Context.ID))
	var err error
	if c.opts.Mode == Structured {
		msg.Header.Set("Content-Type", cloudEventsJSON)
		msg.Data, err = json.Marshal(envelope)
		return msg, err
	}
	for _, a := range envelope.attributes() {
		msg.Header["ce-"+a.name] = []string{headerValue(a.value)} // as the binding writes them, in lower case
	}
	msg.Data, err = json.Marshal(e)
	return msg, err
}

// publish waits until a stream has the message where one listens on its subject, and else until the server has it.
func (c *CDEvents) publish(ctx context.Context, msg *nats.Msg) error {
	if !c.opts.Conn.IsConnected() {
		return errors.New("NATS is not connected")
	}
	_, err := c.js.StreamNameBySubject(ctx, msg.Subject)
	switch {
	case err == nil:
		_, err = c.js.PublishMsg(ctx, msg)
		return err
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return c.publishPlain(ctx, msg)
	}
	// A JetStream that does not answer may hold a stream for it, so nothing is published past it.
	return fmt.Errorf("ask which stream has the subject: %w", err)
}

// publishPlain publishes without a stream. The server says that it forbids a subject on the connection as a whole, before it answers a flush.
func (c *CDEvents) publishPlain(ctx context.Context, msg *nats.Msg) error {
	before := c.opts.Conn.LastError()
	if err := c.opts.Conn.PublishMsg(msg); err != nil {
		return err
	}
	if err := c.opts.Conn.FlushWithContext(ctx); err != nil {
		return err
	}
	if err := c.opts.Conn.LastError(); err != before && errors.Is(err, nats.ErrPermissionViolation) && strings.Contains(err.Error(), msg.Subject) {
		return err
	}
	return nil
}

// maxToken bounds a name within a subject, in bytes. No name of Kubernetes is longer, and a server closes the connection on which a subject of
// some four thousand comes.
const maxToken = 253

// cdSubjectOf puts a notice's names into a subject.
func cdSubjectOf(template string, n Notice) string {
	namespace, name, _ := strings.Cut(n.Workload, "/")
	return strings.NewReplacer(
		"{environment}", subjectToken(n.Environment), "{namespace}", subjectToken(namespace), "{workload}", subjectTokens(name),
	).Replace(template)
}

// subjectTokens escapes a name that may hold dots, and then is several tokens as it is in the subjects of deployments.
func subjectTokens(name string) string {
	parts := strings.Split(plain(name, maxToken), ".")
	for i, p := range parts {
		parts[i] = subjectToken(p)
	}
	return strings.Join(parts, ".")
}

// subjectToken escapes what a token of a subject cannot hold, as in a URL. An empty one, which would be no subject, becomes a dash.
func subjectToken(s string) string {
	if s == "" {
		return "-"
	}
	token := escaped(plain(s, maxToken), func(b byte) bool {
		return b > ' ' && b < 0x7f && !strings.ContainsRune("%.*>", rune(b))
	})
	return token[:min(len(token), maxToken)]
}

// headerValue escapes a value as CloudEvents' NATS protocol binding has it.
func headerValue(s string) string {
	return escaped(s, func(b byte) bool { return b > ' ' && b < 0x7f && b != '"' && b != '%' })
}

// escaped replaces each byte that may not stay by its two hexadecimal digits behind a percent sign.
func escaped(s string, stays func(byte) bool) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; stays(c) {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}
