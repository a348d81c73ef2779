package notifier

import "time"

// cloudEvent is an event of CloudEvents 1.0 in its JSON format, which every binding knows as structured mode.
type cloudEvent struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"`
	Source          string    `json:"source"`
	Type            string    `json:"type"`
	Subject         string    `json:"subject,omitempty"`
	Time            time.Time `json:"time"`
	DataContentType string    `json:"datacontenttype"`
	Data            any       `json:"data"`
}

// cloudEventsJSON is the media type of a cloudEvent.
const cloudEventsJSON = "application/cloudevents+json"

// attribute is one of the context attributes as a string, in the order in which they are written.
type attribute struct{ name, value string }

// attributes are those of the event, data apart. None is empty: an attribute without a value is left out.
func (e cloudEvent) attributes() []attribute {
	all := []attribute{
		{"specversion", e.SpecVersion}, {"id", e.ID}, {"source", e.Source}, {"type", e.Type}, {"subject", e.Subject},
		{"time", e.Time.UTC().Format(time.RFC3339Nano)}, {"datacontenttype", e.DataContentType},
	}
	kept := all[:0]
	for _, a := range all {
		if a.value != "" {
			kept = append(kept, a)
		}
	}
	return kept
}
