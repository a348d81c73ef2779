package main

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/rollbackd/rollbackd/internal/event"
)

// format is the form in which the same event is published. It is a flag's value.
type format string

const (
	formatNative      format = "native"
	formatCloudEvents format = "cloudevents"
	formatCDEvents    format = "cdevents"
)

// emitSource is the source of the events that are published in the formats of others.
const emitSource = "rollbackctl"

func (f *format) String() string { return string(*f) }
func (*format) Type() string     { return "format" }

// Set accepts the formats that there are.
func (f *format) Set(value string) error {
	switch format(value) {
	case formatNative, formatCloudEvents, formatCDEvents:
		*f = format(value)
		return nil
	}
	return fmt.Errorf("%s is not one of %s, %s and %s", event.Quote(value), formatNative, formatCloudEvents, formatCDEvents)
}

// cloudEvent is a CloudEvent in the structured mode.
type cloudEvent struct {
	SpecVersion string    `json:"specversion"`
	ID          string    `json:"id"`
	Source      string    `json:"source"`
	Type        string    `json:"type"`
	Time        time.Time `json:"time"`
	ContentType string    `json:"datacontenttype"`
	Data        any       `json:"data"`
}

// of returns what is published of an event.
func (f format) of(e event.Event) any {
	switch f {
	case formatCloudEvents:
		return cloudEvent{"1.0", identify(e), emitSource, "dev.rollbackd.deployment", e.Timestamp, "application/json", e}
	case formatCDEvents:
		return asCDEvent(e)
	default:
		return e
	}
}

// identify is the id of the event around an event: the same for the same event, so that it may be published again.
func identify(e event.Event) string {
	if e.ID != "" {
		return e.ID + "-" + string(e.Status)
	}
	return e.Version + "-" + e.Timestamp.UTC().Format(time.RFC3339)
}

// asCDEvent says what CDEvents has words for in these, and all of it in the custom data.
func asCDEvent(e event.Event) map[string]any {
	return map[string]any{
		"context": map[string]any{
			"specversion": "0.5.1", "id": identify(e), "source": emitSource, "type": "dev.cdevents.service.deployed.0.3.0", "timestamp": e.Timestamp,
		},
		"subject": map[string]any{
			"id": "service/" + e.Workload, "source": emitSource, "type": "service",
			"content": map[string]any{
				"environment": map[string]any{"id": e.Environment},
				"artifactId":  "pkg:generic/" + e.Workload + "@" + strings.ReplaceAll(url.PathEscape(e.Version), "@", "%40"),
			},
		},
		"customData": map[string]any{event.CustomData: e},
	}
}
