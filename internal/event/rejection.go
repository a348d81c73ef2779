package event

import (
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"
)

// Code says what is wrong with an event, for programs. Codes are part of the contract with publishers: new ones may
// be added, none changes its meaning.
type Code string

// The codes of rejections. Those after CodeFuture are not given by this package: they are decided once the event is
// compared with what is already watched and with the cluster.
const (
	// CodeSubject: the subject is not deployments.<environment>.<namespace>.<workload>.
	CodeSubject Code = "invalid-subject"
	// CodeTooLarge: the document is larger than MaxPayload.
	CodeTooLarge Code = "too-large"
	// CodeMalformed: the document is not one JSON object in UTF-8.
	CodeMalformed Code = "malformed"
	// CodeDuplicate: a field that rollbackd reads is given more than once.
	CodeDuplicate Code = "duplicate-field"
	// CodeMissing: a required field is absent, null or empty.
	CodeMissing Code = "missing-field"
	// CodeType: a field has another JSON type than the schema says.
	CodeType Code = "wrong-type"
	// CodeInvalid: a field's value breaks a rule of the schema.
	CodeInvalid Code = "invalid-value"
	// CodeUnsupported: the event is valid, but asks for something that this version does not do.
	CodeUnsupported Code = "unsupported"
	// CodeNotADeployment: the document is a well-formed event of a kind that announces no deployment. It is ignored, and its
	// publisher is not told.
	CodeNotADeployment Code = "not-a-deployment"
	// CodeUnauthorised: the document is about another workload than the subject it was published on, or names what
	// its publisher may not name.
	CodeUnauthorised Code = "unauthorised"
	// CodeStale: the event is older than the window in which its deployment would have been watched.
	CodeStale Code = "stale"
	// CodeFuture: the event is dated more than MaxAhead in the future.
	CodeFuture Code = "future-dated"
	// CodeConflict: another event with the same ID, but with another body, was accepted earlier.
	CodeConflict Code = "id-conflict"
	// CodeTooLate: the event completes a deployment that is no longer watched, because its version was not live in time.
	CodeTooLate Code = "too-late"
	// CodeUnknownWorkload: the cluster has no such workload.
	CodeUnknownWorkload Code = "unknown-workload"
)

// Rejection explains to a publisher why an event was refused and what to do about it. It is safe to log and to
// publish: text that came from the event is quoted, escaped and cut.
type Rejection struct {
	Code Code `json:"code"`
	// Field is the event's field that is wrong; empty if it is not about one.
	Field string `json:"field,omitempty"`
	// Value is the field's value as found, escaped and cut; empty if there is none to show.
	Value string `json:"value,omitempty"`
	// Reason is what is wrong, as the rest of a sentence about the field.
	Reason string `json:"reason"`
	// Fix is what the publisher can do.
	Fix string `json:"fix,omitempty"`
}

// Error is the rejection in one line.
func (r *Rejection) Error() string {
	text := r.Reason
	if r.Field != "" {
		text = fmt.Sprintf("field %q: %s", r.Field, text)
	}
	if r.Fix != "" {
		text += "; " + r.Fix
	}
	return text
}

// maxShown is how many characters of a publisher's value are shown back.
const maxShown = 80

// Quote makes text from an event fit to show: quoted, with control and invisible characters escaped, and cut to 80
// characters.
func Quote(text string) string {
	if utf8.RuneCountInString(text) <= maxShown {
		return strconv.Quote(text)
	}
	return strconv.Quote(string([]rune(text[:min(len(text), maxShown*utf8.UTFMax)])[:maxShown])) + "…"
}

// Notice is a rejection as it is published.
type Notice struct {
	Rejection
	// Subject is what the event was published on, as it was.
	Subject string `json:"subject"`
	// StreamSeq is the event's sequence in the stream DEPLOYMENTS or in the source's, as its publisher's acknowledgement told it.
	StreamSeq uint64    `json:"streamSeq"`
	At        time.Time `json:"at"`
	// Source is the source that the event came from; empty if it was published on a workload's own subject.
	Source string `json:"source,omitempty"`
	// Instance is the rollbackd that refused.
	Instance string `json:"instance"`
}
