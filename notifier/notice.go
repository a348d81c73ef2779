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

// Kind says what a notice is about, for routes and for receivers that have words of their own for it.
type Kind string

// The kinds, in the order in which a deployment may come to them.
const (
	// KindDeployed: a deployment is being watched from now on.
	KindDeployed Kind = "deployed"
	// KindStage: a stage of the watch is over, and the release is still live.
	KindStage Kind = "stage"
	// KindSuspect: the release is suspected, or something was done on suspicion; nothing is proven.
	KindSuspect Kind = "suspect"
	// KindRegressed: the release is proven bad. It opens an incident.
	KindRegressed Kind = "regressed"
	// KindAwaiting: a person must decide.
	KindAwaiting Kind = "awaiting-approval"
	// KindRollingBack: the rollback is on its way.
	KindRollingBack Kind = "rolling-back"
	// KindRolledBack: it is done, and helped.
	KindRolledBack Kind = "rolled-back"
	// KindUnresolved: the watch ended without the service being known to be well: held, failed, not recovered, unverified.
	KindUnresolved Kind = "unresolved"
	// KindResolved: what an incident told of is over, without a rollback of ours.
	KindResolved Kind = "resolved"
	// KindHealthy: the release was watched to the end and is well.
	KindHealthy Kind = "healthy"
	// KindEnded: the watch ended without a verdict: superseded, aborted, inconclusive.
	KindEnded Kind = "ended"
	// KindPostmortem: a review is due, or overdue.
	KindPostmortem Kind = "postmortem"
	// KindOther: anything else that somebody should know.
	KindOther Kind = "other"
	// KindTest: a person tries whether telling works; nothing has happened.
	KindTest Kind = "test"
)

// Severities are all severities, the gravest first.
func Severities() []Severity { return []Severity{Page, Warn, Info} }

// Kinds are all kinds.
func Kinds() []Kind {
	return []Kind{
		KindDeployed, KindStage, KindSuspect, KindRegressed, KindAwaiting, KindRollingBack, KindRolledBack, KindUnresolved, KindResolved,
		KindHealthy, KindEnded, KindPostmortem, KindOther, KindTest,
	}
}

// Notice is one thing to tell. Its strings may hold text from an event, so a sink escapes them for its medium.
type Notice struct {
	// ID names the notice: told again after a crash, it has the same one. It has letters, digits, '_', '=', '-' and '.' only.
	ID       string    `json:"id"`
	At       time.Time `json:"at"`
	Kind     Kind      `json:"kind"`
	Severity Severity  `json:"severity"`
	// Title is one short sentence; Text says more, in plain words.
	Title string `json:"title"`
	Text  string `json:"text,omitempty"`
	// Watch is the watch's key, Workload the workload as namespace/name, WorkloadKind its kind, such as Deployment.
	Watch        string `json:"watch,omitempty"`
	Workload     string `json:"workload,omitempty"`
	WorkloadKind string `json:"workloadKind,omitempty"`
	Environment  string `json:"environment,omitempty"`
	// Version is the release that is watched, Target the one that a rollback goes back to.
	Version string `json:"version,omitempty"`
	Target  string `json:"target,omitempty"`
	// Image is the image that tells the release, as its template names it, and TargetImage that of Target; each is empty where it is not known.
	Image       string `json:"image,omitempty"`
	TargetImage string `json:"targetImage,omitempty"`
	// RolledBack says that the rollback has been made, whether it helped or not.
	RolledBack bool `json:"rolledBack,omitempty"`
	// EventID is the ID of the deploy tool's own event, Operator who deployed, as the event claims.
	EventID  string `json:"eventId,omitempty"`
	Operator string `json:"operator,omitempty"`
	// Signal is the signal that decided, Value what it showed, Limit what it may show and Baseline what it showed before, each with its unit.
	Signal   string `json:"signal,omitempty"`
	Value    string `json:"value,omitempty"`
	Limit    string `json:"limit,omitempty"`
	Baseline string `json:"baseline,omitempty"`
	// Action says what was done, Next what is left to a person; each is one sentence, empty if there is nothing.
	Action string `json:"action,omitempty"`
	Next   string `json:"next,omitempty"`
	// Incident is the incident's ID, Link where to read about it, Chart where the picture of the signal is.
	Incident string `json:"incident,omitempty"`
	Link     string `json:"link,omitempty"`
	Chart    string `json:"chart,omitempty"`
	// StartedAt is when the incident began; it is zero where there is none.
	StartedAt time.Time `json:"startedAt,omitzero"`
	// Open says that the incident which the notice is about goes on: a receiver that keeps a state shows it until a later notice of the
	// same incident says otherwise.
	Open bool `json:"open,omitempty"`
	// Message is all of it in a few lines, of at most MaxMessage characters, made by the sink's template or by Message; it ends with Link
	// where there is one. The dispatcher fills it in, as it does To: whom the notice is for, as the routes and the contacts say. Neither is
	// set before.
	Message string      `json:"message,omitempty"`
	To      []Recipient `json:"to,omitempty"`
	// Group are the notices that a burst was made one of, each as it would have been told alone; empty if the notice is one. Only sinks that
	// are configured to get bursts as one message see it.
	Group []Notice `json:"group,omitempty"`
}

// Sink delivers notices to one receiver. Notify must return soon after ctx is done; retry says whether the same
// notice may succeed when it is tried again.
type Sink interface {
	Name() string
	Notify(ctx context.Context, n Notice) (retry bool, err error)
}
