package incident

import "time"

// This file holds the entries of the annex: what is added to the record of a watch beside its journal, by whoever knows it, also after
// the watch has ended. Nothing is decided by them. They have a place in the same stream, and so in the same order.

// Postmortem records what became of the review that an incident calls for.
type Postmortem struct {
	// Number is the incident's, from 1: DEC-INCIDENT-0001. Each has one, and none is left out.
	Number uint64 `json:"number"`
	// Due is until when the review is to be done.
	Due time.Time `json:"due,omitzero"`
	// DoneAt is when somebody said that it is done, Link where it can be read. The entry's actor is who said so.
	DoneAt time.Time `json:"doneAt,omitzero"`
	Link   string    `json:"link,omitempty"`
}

// Told records what became of telling one receiver one thing.
type Told struct {
	// Notice is the notice's ID, Sink the receiver's name.
	Notice   string `json:"notice"`
	Sink     string `json:"sink"`
	Severity string `json:"severity"`
	Title    string `json:"title"`
	// Result is sent or failed, or ToldTrying in what is shown and never stored; Detail the receiver's last words if it failed, and Attempts how often it was tried.
	Result   string `json:"result"`
	Detail   string `json:"detail,omitempty"`
	Attempts int    `json:"attempts"`
	// At is when it came to that.
	At time.Time `json:"at,omitzero"`
}

// ToldTrying is the result of what has not been told yet: the receiver has not taken it, and it is tried again.
const ToldTrying = "trying"

// unstored reports whether an entry is only of the moment at which it was rendered.
func (e Entry) unstored() bool { return e.Told != nil && e.Told.Result == ToldTrying }
