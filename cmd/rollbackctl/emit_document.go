package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/pflag"

	"github.com/rollbackd/rollbackd/internal/event"
)

// document is the event to announce: a file, or the fields that flags give.
type document struct {
	file                   string
	format                 format
	timestamp              string
	kind, strategy, status string
	event                  event.Event
}

// register adds the flags of an event's fields and returns their names.
func (d *document) register(flags *pflag.FlagSet) (fields []string) {
	flags.StringVarP(&d.file, "file", "f", "", "file with the event as JSON; - is standard input")
	before := map[string]bool{}
	flags.VisitAll(func(flag *pflag.Flag) { before[flag.Name] = true })
	d.registerFields(flags)
	d.format = formatNative
	flags.Var(&d.format, "format", "what to publish: native, or the same as cloudevents or cdevents")
	flags.VisitAll(func(flag *pflag.Flag) {
		if !before[flag.Name] {
			fields = append(fields, flag.Name)
		}
	})
	return fields
}

func (d *document) registerFields(flags *pflag.FlagSet) {
	e := &d.event
	flags.StringVar(&e.Environment, "env", "", "environment")
	flags.StringVar(&e.Namespace, "namespace", "", "namespace of the workload")
	flags.StringVar(&e.Workload, "workload", "", "name of the workload")
	flags.StringVar(&e.Version, "version", "", "version that was deployed")
	flags.StringVar(&e.PreviousVersion, "previous-version", "", "version before")
	flags.StringVar(&e.ID, "id", "", "tells deployments of the workload apart")
	flags.StringVar(&d.timestamp, "timestamp", "", "when it happened, RFC 3339 (default now)")
	flags.StringVar(&e.Commit, "commit", "", "commit that was deployed")
	flags.StringVar(&e.Operator, "operator", "", "who deployed")
	flags.StringArrayVar(&e.Approvals, "approval", nil, "who approved; may be given several times")
	flags.StringVar(&d.kind, "kind", "", "kind of the workload: Deployment, StatefulSet or DaemonSet (default Deployment)")
	flags.StringVar(&d.strategy, "strategy", "", "rolling, blue-green or canary (default rolling)")
	flags.StringVar(&d.status, "status", "", "started, success or failed (default success)")
	flags.BoolVar(&e.Hotfix, "hotfix", false, "exempt from freeze windows")
	flags.BoolVar(&e.Drill, "drill", false, "a rehearsal: the version is bad on purpose (rollbackctl drill does all of it)")
	flags.BoolVar(&e.SchemaChange, "schema-change", false, "the release migrated data")
	flags.StringVar(&e.Policy, "policy", "", "policy to watch by")
	flags.StringVar(&e.Verification, "verification", "", "where the deployment's own checks are logged")
	flags.StringVar(&e.Service, "service", "", "blue-green: Service whose selector is switched")
	flags.StringVar(&e.SelectorKey, "selector-key", "", "blue-green: label key that is switched")
	flags.StringVar(&e.From, "from", "", "blue-green: value before the switch")
	flags.StringVar(&e.To, "to", "", "blue-green: value after the switch")
	flags.StringVar(&e.Canary, "canary", "", "canary: Deployment of the canary's pods")
	flags.IntVar(&e.Step, "step", 0, "canary: per cent of the service that the canary is now, 1 to 100")
}

// payload is the document to publish. One from a file is published as it is.
func (d *document) payload(stdin io.Reader, now time.Time) ([]byte, error) {
	if d.file != "" {
		return d.read(stdin)
	}
	e := d.event
	e.Kind, e.Strategy, e.Status = event.Kind(d.kind), event.Strategy(d.strategy), event.Status(d.status)
	e.Timestamp = now.UTC().Truncate(time.Second)
	if d.timestamp != "" {
		if err := e.Timestamp.UnmarshalText([]byte(d.timestamp)); err != nil {
			return nil, fmt.Errorf("--timestamp %s is not an RFC 3339 time, as 2026-11-22T10:00:00Z", event.Quote(d.timestamp))
		}
	}
	var text bytes.Buffer
	if err := writeJSON(&text, d.format.of(e)); err != nil {
		return nil, fmt.Errorf("unable to encode the event: %w", err)
	}
	return bytes.TrimSpace(text.Bytes()), nil
}

// read stops behind what an event may have, which is enough to see that it is too large.
func (d *document) read(stdin io.Reader) ([]byte, error) {
	source := stdin
	if d.file != "-" {
		file, err := os.Open(d.file)
		if err != nil {
			return nil, fmt.Errorf("unable to read the event: %w", err)
		}
		defer file.Close()
		source = file
	}
	if source == nil {
		return nil, errors.New("there is no standard input to read the event from")
	}
	payload, err := io.ReadAll(io.LimitReader(source, event.MaxPayload+1))
	if err != nil {
		return nil, fmt.Errorf("unable to read the event: %w", err)
	}
	return payload, nil
}

// again tells how to publish the very same event once more. By another time it would be another event, or, with an ID,
// one in conflict with itself.
func (d *document) again(announced event.Event) string {
	if d.file != "" || d.timestamp != "" {
		return "it may be published again as it is"
	}
	return "to publish the same event again, repeat the command with --timestamp " + announced.Timestamp.Format(time.RFC3339)
}
