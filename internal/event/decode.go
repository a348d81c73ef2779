package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// MaxAhead is how far an event may be dated in the future, to allow for clocks that differ.
const MaxAhead = 5 * time.Minute

// Decode reads an event that was published on the subject: a native one, a CloudEvent in the structured mode, or a CDEvent
// with or without a CloudEvent around it. Its error is always a *Rejection. What it accepts is about the subject's workload:
// whoever may publish on a subject may announce that workload's deployments, and no other's.
func Decode(subject string, payload []byte) (Event, error) {
	target, err := ParseSubject(subject)
	if err != nil {
		return Event{}, err
	}
	return decode(payload, &target)
}

// Parse reads an event before it has a subject: it is for publishers, and authorises nothing. Its error is always a
// *Rejection.
func Parse(payload []byte) (Event, error) { return decode(payload, nil) }

// Native returns an accepted document in our own fields, for those who read no other: a CloudEvent or a CDEvent as the event
// that it was read as, and everything else as it is.
func Native(subject string, document []byte) []byte {
	doc, rejection := parseDocument(document)
	if rejection != nil || !doc.isCloudEvent() && !doc.isCDEvent() {
		return document
	}
	e, err := Decode(subject, document)
	if err != nil {
		return document
	}
	native, err := json.Marshal(e)
	if err != nil {
		return document
	}
	return native
}

func decode(payload []byte, target *Target) (Event, error) {
	doc, rejection := parseDocument(payload)
	if rejection != nil {
		return Event{}, rejection
	}
	native := doc.native(target)
	e := native.event(target)
	if native.rejection != nil {
		return Event{}, native.rejection
	}
	e.Raw = bytes.Clone(payload)
	return e, nil
}

// event reads the fields, the target's first: nothing is said about the rest of a document to whoever may not
// publish it.
func (d *document) event(target *Target) Event {
	e := Event{
		Environment: d.required("environment", "name the environment, as in the subject", label()),
		Namespace:   d.required("namespace", "name the workload's namespace, as in the subject", label()),
		Workload:    d.required("workload", "name the Deployment, as in the subject", subdomain()),
	}
	if target != nil {
		d.authorise(e.Target(), *target)
	}
	e.Timestamp = d.timestamp()
	e.Version = d.required("version", "name the version that was deployed", upTo(MaxText))
	e.ID = d.text("id", upTo(MaxText))
	e.Kind = d.kind()
	e.PreviousVersion = d.text("previousVersion", upTo(MaxText))
	e.Commit = d.text("commit", upTo(MaxText))
	e.Operator = d.text("operator", upTo(MaxText))
	e.Approvals = d.list("approvals", MaxApprovals, upTo(MaxText))
	e.Status = oneOf(d, "status", StatusSuccess, StatusStarted, StatusFailed)
	e.Hotfix = d.boolean("hotfix")
	e.Drill = d.boolean("drill")
	e.SchemaChange = d.boolean("schemaChange")
	e.Policy = d.text("policy", upTo(MaxText))
	e.Verification = d.text("verification", upTo(MaxReference))
	d.strategy(&e)
	return e
}

// authorise holds the document to its subject.
func (d *document) authorise(said, target Target) {
	if d.rejection != nil || said == target {
		return
	}
	differs := func(field, said, wanted string) {
		if said == wanted {
			return
		}
		d.reject(&Rejection{
			Code: CodeUnauthorised, Field: field, Value: Quote(said),
			Reason: fmt.Sprintf("%s does not match the subject's %s %q", Quote(said), field, wanted),
		})
	}
	differs("environment", said.Environment, target.Environment)
	differs("namespace", said.Namespace, target.Namespace)
	differs("workload", said.Workload, target.Workload)
	d.rejection.Fix = "publish on " + said.Subject() + ", if your NATS user may"
}

// timestamp reads a required RFC 3339 time; years outside 1970 to 9999 cannot be written back as one.
func (d *document) timestamp() time.Time {
	text := d.required("timestamp", "give the time in RFC 3339, as 2026-11-22T10:00:00Z")
	if text == "" {
		return time.Time{}
	}
	var at time.Time
	if err := at.UnmarshalText([]byte(text)); err != nil {
		d.reject(invalid("timestamp", Quote(text), "is not an RFC 3339 time", "give it as 2026-11-22T10:00:00Z"))
		return time.Time{}
	}
	at = at.UTC()
	if at.Year() < 1970 || at.Year() > 9999 {
		d.reject(invalid("timestamp", Quote(text), "is not between the years 1970 and 9999", "set the publisher's clock"))
		return time.Time{}
	}
	return at
}

// kind reads the workload's kind; others than these are known to exist, but not watched.
func (d *document) kind() Kind {
	switch kind := Kind(d.text("kind", upTo(MaxText))); kind {
	case "":
		return KindDeployment
	case KindDeployment, KindStatefulSet, KindDaemonSet:
		return kind
	default:
		value := Quote(string(kind))
		d.reject(&Rejection{
			Code: CodeUnsupported, Field: "kind", Value: value, Reason: value + " is not supported by this version",
			Fix: "publish events about workloads of kind Deployment, StatefulSet or DaemonSet only",
		})
		return KindDeployment
	}
}

// strategy reads the strategy and what it needs; the other strategies' fields are checked, but not demanded.
func (d *document) strategy(e *Event) {
	e.Strategy = oneOf(d, "strategy", StrategyRolling, StrategyBlueGreen, StrategyCanary)
	e.Service = d.text("service", subdomain())
	e.SelectorKey = d.text("selectorKey", labelKey())
	e.From = d.text("from", labelValue())
	e.To = d.text("to", labelValue())
	e.Canary = d.text("canary", subdomain())
	if e.Strategy != StrategyRolling && e.Kind != KindDeployment {
		d.reject(&Rejection{
			Code: CodeUnsupported, Field: "strategy", Value: Quote(string(e.Strategy)),
			Reason: fmt.Sprintf("%q is for Deployments, and not for a %s", e.Strategy, e.Kind),
			Fix:    "announce it with strategy " + string(StrategyRolling),
		})
	}
	e.Step = d.percent("step")
	switch e.Strategy {
	case StrategyBlueGreen:
		d.needs(e.Strategy, "service", e.Service)
		d.needs(e.Strategy, "selectorKey", e.SelectorKey)
		d.needs(e.Strategy, "from", e.From)
		d.needs(e.Strategy, "to", e.To)
		if e.From == e.To {
			d.reject(invalid("to", Quote(e.To), `is the same as "from"`, "name the selector's values before and after the switch"))
		}
	case StrategyCanary:
		d.needs(e.Strategy, "canary", e.Canary)
		if e.Canary == e.Workload {
			d.reject(invalid("canary", Quote(e.Canary), `is the same as "workload"`,
				"name the Deployment that carries the canary's pods, and as workload the stable one beside it"))
		}
	}
}

func (d *document) needs(strategy Strategy, field, value string) {
	if value == "" {
		d.reject(&Rejection{
			Code: CodeMissing, Field: field, Reason: fmt.Sprintf("is required by strategy %q", strategy),
			Fix: "give it, or announce the deployment with strategy " + string(StrategyRolling),
		})
	}
}

// CheckAge compares the event's timestamp with now. It returns nil if the event is neither older than the window nor
// dated more than MaxAhead in the future.
func CheckAge(e Event, now time.Time, window time.Duration) *Rejection {
	at := e.Timestamp.UTC().Format(time.RFC3339)
	age := now.Sub(e.Timestamp) // stops at the longest duration there is, so that times are compared, not spans
	switch {
	case e.Timestamp.Before(now.Add(-window)):
		return &Rejection{
			Code: CodeStale, Field: "timestamp", Value: at,
			Reason: fmt.Sprintf("%s is %s ago, longer than the %s for which a deployment is watched", at,
				age.Round(time.Second), window),
			Fix: "publish when the deployment happens; set the publisher's clock if it just did",
		}
	case e.Timestamp.After(now.Add(MaxAhead)):
		return &Rejection{
			Code: CodeFuture, Field: "timestamp", Value: at,
			Reason: fmt.Sprintf("%s is %s in the future", at, (-age).Round(time.Second)), Fix: "set the publisher's clock",
		}
	}
	return nil
}
