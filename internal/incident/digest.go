package incident

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
)

// MaxDigest is how many bytes a digest has at the most, as JSON.
const MaxDigest = 2 << 10

// The bounds, in runes, of what a digest quotes.
const (
	maxDigestName   = 253
	maxDigestText   = 200
	leastDigestText = 2
)

// Digest is what the ledger keeps of a watch, for lists and reports: small, and long after the watch itself is forgotten. It tells
// nothing that could not be made again from the journal. Strings are one bounded line each, and still hostile: whoever shows them escapes them.
type Digest struct {
	// Watch is the watch's key, Incident the incident's ID (empty if the release was never proven bad), EventID the deploy tool's own ID.
	Watch    string `json:"watch"`
	Incident string `json:"incident,omitempty"`
	EventID  string `json:"eventId,omitempty"`

	Environment string `json:"environment"`
	Namespace   string `json:"namespace"`
	Workload    string `json:"workload"`
	Kind        string `json:"kind"`
	// Version is the release that was watched, Target the version that a rollback would have returned to, or did.
	Version  string `json:"version"`
	Target   string `json:"target,omitempty"`
	Strategy string `json:"strategy"`
	// Policy is the policy that was chosen, Mode what it let the watch do when it began: observe, approve or automatic.
	Policy string `json:"policy,omitempty"`
	Mode   string `json:"mode,omitempty"`

	// State is the watch's latest state, Final says that it ended in it, and Reason why it is in it.
	State  string `json:"state"`
	Final  bool   `json:"final"`
	Reason string `json:"reason,omitempty"`
	// RolledBack says that a rollback landed, Recovered that the service was then seen to be well again.
	RolledBack bool `json:"rolledBack,omitempty"`
	Recovered  bool `json:"recovered,omitempty"`

	Times DigestTimes `json:"times"`
	// Signal is the signal that decided, SignalKind its kind; Value and Limit are its numbers then, in the units of an
	// analyzer.Assessment, and ValueText and LimitText the same for people.
	Signal     string  `json:"signal,omitempty"`
	SignalKind string  `json:"signalKind,omitempty"`
	Value      float64 `json:"value,omitempty"`
	Limit      float64 `json:"limit,omitempty"`
	ValueText  string  `json:"valueText,omitempty"`
	LimitText  string  `json:"limitText,omitempty"`

	Hotfix       bool `json:"hotfix,omitempty"`
	SchemaChange bool `json:"schemaChange,omitempty"`
	// Unannounced says that nobody announced the deployment, Drill that it was bad on purpose, as its event claims.
	Unannounced bool `json:"unannounced,omitempty"`
	Drill       bool `json:"drill,omitempty"`
	// Drilled is what a drill came to, nil if nobody has said so.
	Drilled *DigestDrill `json:"drilled,omitempty"`
	// By is the person who approved the rollback or ordered it, empty if nobody did.
	By string `json:"by,omitempty"`

	Postmortem *Review `json:"postmortem,omitempty"`
	// Seq is the place in the stream of the newest entry that this was made from: of two digests of a watch the one with the larger counts.
	Seq uint64 `json:"seq"`
}

// DigestTimes are the instants of a watch, those of Times; those not reached are zero and left out.
type DigestTimes struct {
	Accepted  time.Time `json:"accepted,omitzero"`
	Started   time.Time `json:"started,omitzero"`
	Completed time.Time `json:"completed,omitzero"`
	FirstBad  time.Time `json:"firstBad,omitzero"`
	Decided   time.Time `json:"decided,omitzero"`
	Initiated time.Time `json:"initiated,omitzero"`
	Landed    time.Time `json:"landed,omitzero"`
	Restored  time.Time `json:"restored,omitzero"`
	// Opened is when the incident was opened, Ended when the watch came to its final state.
	Opened time.Time `json:"opened,omitzero"`
	Ended  time.Time `json:"ended,omitzero"`
}

// Review is how the review of an incident stands.
type Review struct {
	Number uint64    `json:"number"`
	Due    time.Time `json:"due,omitzero"`
	DoneAt time.Time `json:"doneAt,omitzero"`
	// By is who said that it is done, Link where it can be read.
	By   string `json:"by,omitempty"`
	Link string `json:"link,omitempty"`
}

// DigestDrill is what a drill came to.
type DigestDrill struct {
	Passed bool `json:"passed"`
	// Missed says why it was not passed.
	Missed     string `json:"missed,omitempty"`
	RestoredBy string `json:"restoredBy,omitempty"`
	// By is who carried it out.
	By string `json:"by,omitempty"`
	// Detect and Recover are how long after the bad version was put in it was found to be bad, and the service well again, in seconds.
	Detect  *float64 `json:"detectedAfterSeconds,omitempty"`
	Recover *float64 `json:"recoveredAfterSeconds,omitempty"`
}

// Name is the review's number as people write it: DEC-INCIDENT-0001.
func (r Review) Name() string { return PostmortemName(r.Number) }

// PostmortemName writes the number of a review as the runbook does.
func PostmortemName(number uint64) string { return fmt.Sprintf("DEC-INCIDENT-%04d", number) }

// Open reports whether the incident goes on: one was opened, and its watch has not ended.
func (d Digest) Open() bool { return d.Incident != "" && !d.Final }

// At is the instant that digests are ordered by: when the event was accepted, which never changes.
func (d Digest) At() time.Time { return d.Times.Accepted }

// DigestOf makes the digest of a watch from the entries of its journal and annex.
func DigestOf(entries []Entry) Digest {
	s := Fold(entries)
	d := s.Digest()
	for _, e := range entries {
		d.Seq = max(d.Seq, e.Seq)
		switch {
		case e.Accepted != nil:
			d.Unannounced = d.Unannounced || e.Accepted.Unannounced
		case e.State != nil && e.State.Incident != "" && d.Times.Opened.IsZero():
			d.Times.Opened = e.At
		case e.Postmortem != nil:
			d.review(e)
		}
	}
	return d.bounded()
}

// Digest makes of a summary what it tells of a digest; what only entries tell is missing.
func (s Summary) Digest() Digest {
	d := Digest{
		Watch: s.Watch, Incident: s.Incident, EventID: s.Event.ID,
		Environment: s.Event.Environment, Namespace: s.Event.Namespace, Workload: s.Event.Workload,
		Kind: or(s.Event.Kind, "Deployment"), Version: s.version(), Strategy: or(s.Event.Strategy, "rolling"),
		Policy: s.Policy, Mode: s.Mode, State: s.State, Final: s.Final, Reason: s.Reason,
		RolledBack: s.RolledBack, Recovered: s.Restored,
		Hotfix: s.Event.Hotfix, SchemaChange: s.Event.SchemaChange, Drill: s.Event.Drill,
		Times: DigestTimes{
			Accepted: s.Times.Accepted, Started: s.Times.Started, Completed: s.Times.Completed, FirstBad: s.Times.FirstBad,
			Decided: s.Times.Decided, Initiated: s.Times.Initiated, Landed: s.Times.Landed, Restored: s.Times.Restored,
		},
	}
	if s.Final {
		d.Times.Ended = s.Times.State
	}
	switch {
	case s.initiated() && s.Action.To.Version != "":
		d.Target = s.Action.To.Version
	case s.Target != nil:
		d.Target = s.Target.Version
	}
	if s.Action != nil {
		d.By = s.Action.ApprovedBy
	}
	if r := s.Drilled; r != nil {
		d.Drilled = &DigestDrill{Passed: r.Passed, Missed: strings.Join(r.Missed, "; "), RestoredBy: r.RestoredBy, By: r.By, Detect: r.DetectedAfter, Recover: r.RecoveredAfter}
	}
	d.measure(s.Decision.Lead())
	return d
}

func (d *Digest) measure(lead *analyzer.Assessment) {
	if lead == nil {
		return
	}
	d.Signal, d.SignalKind, d.Value, d.Limit = lead.Signal, string(lead.Kind), lead.Value, lead.Limit
	d.ValueText, d.LimitText = lead.Shown()
}

// review folds in what the annex tells of the postmortem. What an entry leaves out stays as it was.
func (d *Digest) review(e Entry) {
	if d.Postmortem == nil {
		d.Postmortem = &Review{}
	}
	p, r := e.Postmortem, d.Postmortem
	if p.Number > 0 {
		r.Number = p.Number
	}
	if !p.Due.IsZero() {
		r.Due = p.Due
	}
	if !p.DoneAt.IsZero() {
		r.DoneAt, r.Link, r.By = p.DoneAt, p.Link, e.Actor
	}
}

// bounded cuts every string to one line, and all of them shorter still until the digest fits.
func (d Digest) bounded() Digest {
	for _, s := range []*string{&d.Watch, &d.Environment, &d.Namespace, &d.Workload} { // by these a digest is found
		*s = clean(*s, maxDigestName)
	}
	for bound := maxDigestText; ; bound /= 2 {
		cut := d.cut(bound)
		if len(cut.Line()) <= MaxDigest || bound <= leastDigestText {
			return cut
		}
	}
}

// Line is the digest as one line of JSON, without the line's end. Characters that have a meaning in HTML are not escaped, which would
// make six bytes of one.
func (d Digest) Line() []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(d); err != nil { // a time outside of the years 0 to 9999
		d.Times = DigestTimes{}
		out.Reset()
		_ = encoder.Encode(d) // nothing is left that JSON cannot hold: numbers are finite since they were folded
	}
	return bytes.TrimRight(out.Bytes(), "\n")
}

func (d Digest) cut(bound int) Digest {
	for _, s := range []*string{
		&d.Incident, &d.EventID, &d.Kind, &d.Version, &d.Target, &d.Strategy, &d.Policy, &d.Mode,
		&d.State, &d.Reason, &d.Signal, &d.SignalKind, &d.ValueText, &d.LimitText, &d.By,
	} {
		*s = clean(*s, bound)
	}
	if d.Postmortem != nil {
		r := *d.Postmortem
		r.By = clean(r.By, bound)
		d.Postmortem = &r
	}
	if d.Drilled != nil {
		r := *d.Drilled
		r.Missed, r.RestoredBy, r.By = clean(r.Missed, bound), clean(r.RestoredBy, bound), clean(r.By, bound)
		d.Drilled = &r
	}
	return d
}
