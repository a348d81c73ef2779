// Package notifier tells people and systems what happened.
//
// Telling comes second: Dispatcher.Send never blocks its caller, so that a slow or dead receiver cannot hold up a
// rollback. Each kind of receiver is a Sink in a file of its own.
package notifier

import (
	"context"
	"time"
)

// Severity says how urgently somebody must know.
type Severity string

// The severities.
const (
	// Info is worth knowing and asks for nothing.
	Info Severity = "info"
	// Warn asks for a look during working hours.
	Warn Severity = "warn"
	// Page asks for a person now.
	Page Severity = "page"
)

// Notice is one thing to tell. Its strings may hold text from an event, so a sink escapes them for its medium.
type Notice struct {
	At       time.Time `json:"at"`
	Severity Severity  `json:"severity"`
	// Title is one short sentence; Text says more, in plain words.
	Title string `json:"title"`
	Text  string `json:"text,omitempty"`
	// Watch is the watch's key, Workload the workload as namespace/name.
	Watch       string `json:"watch,omitempty"`
	Workload    string `json:"workload,omitempty"`
	Environment string `json:"environment,omitempty"`
	// Incident is the incident's ID, Link where to read about it.
	Incident string `json:"incident,omitempty"`
	Link     string `json:"link,omitempty"`
}

// Sink delivers notices to one receiver. Notify must return soon after ctx is done; retry says whether the same
// notice may succeed when it is tried again.
type Sink interface {
	Name() string
	Notify(ctx context.Context, n Notice) (retry bool, err error)
}
