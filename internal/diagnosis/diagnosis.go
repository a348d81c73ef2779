// Package diagnosis makes of what the cluster tells of a bad release what a person would have gathered by hand: its pods, events, the
// change of the pod template, the errors in the logs compared with those of the version before, and a first guess at the cause.
//
// All of it is pure; package gather asks the cluster. What is kept is bounded and holds no secret that is known by its form.
package diagnosis

import (
	"time"
)

// Moment says when a diagnosis is made.
type Moment string

// The moments.
const (
	// Regressed: the release was just found to be bad; its pods are there still, or were a moment ago.
	Regressed Moment = "regressed"
	// Ended: the rollback failed or did not help.
	Ended Moment = "ended"
)

// Side says whose something is.
type Side string

// The sides.
const (
	// Release is the version that was found to be bad, Before the known-good one, which a rollback returns to.
	Release Side = "release"
	Before  Side = "before"
)

// Diagnosis is what was gathered, and what it may mean.
type Diagnosis struct {
	Moment     Moment    `json:"moment"`
	GatheredAt time.Time `json:"gatheredAt"`
	// Seconds is how long gathering took.
	Seconds float64 `json:"seconds"`
	// Since is from when on logs and events were looked at.
	Since time.Time `json:"since"`
	// Release and Before are the names of the two versions; Before is empty if no version is known to be good.
	Release string `json:"release"`
	Before  string `json:"before,omitempty"`

	// Guesses are what the cause may be, the likeliest first. Nothing is decided by them.
	Guesses []Guess `json:"guesses,omitempty"`
	Pods    []Pod   `json:"pods,omitempty"`
	// MorePods is how many pods are left out.
	MorePods int `json:"morePods,omitempty"`
	// Changes are the parts of the pod template that the release changed, Diff shows them as a unified diff of YAML.
	Changes []Change `json:"changes,omitempty"`
	Diff    string   `json:"diff,omitempty"`
	Logs    Logs     `json:"logs,omitzero"`
	Events  []Event  `json:"events,omitempty"`
	// MoreEvents is how many events are left out.
	MoreEvents int `json:"moreEvents,omitempty"`
	// Missing says what could not be gathered, and why, a sentence each.
	Missing []string `json:"missing,omitempty"`
}

// Guess is what the cause may be.
type Guess struct {
	Cause Cause `json:"cause"`
	// Text is the guess in one sentence, Facts are what it rests on.
	Text  string   `json:"text"`
	Facts []string `json:"facts"`
	// Weight orders guesses, from 0 to 100; it is no probability.
	Weight int `json:"weight"`
}

// Pod is what is shown of one pod.
type Pod struct {
	Name       string      `json:"name"`
	Side       Side        `json:"side"`
	Phase      string      `json:"phase"`
	Ready      bool        `json:"ready"`
	Deleting   bool        `json:"deleting,omitempty"`
	CreatedAt  time.Time   `json:"createdAt"`
	Node       string      `json:"node,omitempty"`
	Containers []Container `json:"containers,omitempty"`
	// Unplaced says why no node takes the pod, in the scheduler's words; Evicted why it was taken from its node.
	Unplaced string `json:"unplaced,omitempty"`
	Evicted  string `json:"evicted,omitempty"`
}

// Container is what the kubelet says of one container.
type Container struct {
	Name     string `json:"name"`
	Image    string `json:"image"`
	Ready    bool   `json:"ready"`
	Restarts int    `json:"restarts,omitempty"`
	// State is running, waiting or terminated; Reason and Message say why.
	State   string `json:"state"`
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
	// Ended is how the container last ended; nil if it never has.
	Ended *Exit `json:"ended,omitempty"`
}

// Exit is how a container ended.
type Exit struct {
	Reason  string    `json:"reason,omitempty"`
	Message string    `json:"message,omitempty"`
	Code    int       `json:"code"`
	Signal  int       `json:"signal,omitempty"`
	At      time.Time `json:"at,omitzero"`
}

// Event is what the cluster noted about the workload, one of its revisions or one of its pods.
type Event struct {
	// Object is the kind and name of what the event is about.
	Object  string    `json:"object"`
	Side    Side      `json:"side,omitempty"`
	Type    string    `json:"type"`
	Reason  string    `json:"reason"`
	Message string    `json:"message"`
	Count   int       `json:"count"`
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
}

// Change is one part of the pod template that the release changed.
type Change struct {
	// Part is what was changed: image, environment, configuration, resources, probe, command, volume or other.
	Part Part `json:"part"`
	// Where names it, as in "container app, variable LOG_LEVEL".
	Where string `json:"where"`
	// Was and Is are the two values; an empty one is absent.
	Was string `json:"was,omitempty"`
	Is  string `json:"is,omitempty"`
}

// Logs are the errors in the logs, grouped by shape.
type Logs struct {
	// Read are the logs that were read.
	Read []Log `json:"read,omitempty"`
	// Shapes are what the error lines look like, the most increased first.
	Shapes []Shape `json:"shapes,omitempty"`
	// MoreShapes is how many shapes are left out.
	MoreShapes int `json:"moreShapes,omitempty"`
	// ReleaseMinutes and BeforeMinutes are for how long logs of each side were seen, the sum over its containers.
	ReleaseMinutes float64 `json:"releaseMinutes"`
	BeforeMinutes  float64 `json:"beforeMinutes"`
	// LastWords are the last lines of containers that ended.
	LastWords []LastWords `json:"lastWords,omitempty"`
}

// Log is one log that was read.
type Log struct {
	Pod       string `json:"pod"`
	Container string `json:"container"`
	Side      Side   `json:"side"`
	// Previous says that it is that of the container before it was last restarted.
	Previous bool `json:"previous,omitempty"`
	Lines    int  `json:"lines"`
	Errors   int  `json:"errors"`
	// Cut says that there was more than was read.
	Cut bool `json:"cut,omitempty"`
}

// Shape is what error lines have in common that differ only in numbers, names and the like.
type Shape struct {
	Shape string `json:"shape"`
	// Example is one of the lines, with secrets masked.
	Example string `json:"example"`
	// Release and Before count the lines of each side.
	Release int `json:"release"`
	Before  int `json:"before"`
	// Pods is how many of the release's pods wrote it.
	Pods  int       `json:"pods"`
	First time.Time `json:"first,omitzero"`
	Last  time.Time `json:"last,omitzero"`
	Trend Trend     `json:"trend"`
}

// LastWords are the last lines that a container wrote before it ended.
type LastWords struct {
	Pod       string   `json:"pod"`
	Container string   `json:"container"`
	Lines     []string `json:"lines"`
}
