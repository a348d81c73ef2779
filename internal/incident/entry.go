// Package incident keeps the journal of a watch and renders it: the timeline that on-call reads, the JSON that
// programs read, and the runbook's log files. Files are renderings of the journal and can be made again from it.
package incident

import (
	"encoding/json"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/diagnosis"
	"github.com/rollbackd/rollbackd/internal/freeze"
	"github.com/rollbackd/rollbackd/rollback"
)

// EntryVersion is the version of the journal's format that this program writes.
const EntryVersion = 1

// Kind says what an entry records; the field of Entry of the same name holds its body.
type Kind string

// The kinds of entries, in the order in which a watch usually writes them.
const (
	KindAccepted  Kind = "accepted"
	KindUpdated   Kind = "updated"
	KindPinned    Kind = "pinned"
	KindFrozen    Kind = "frozen"
	KindBaseline  Kind = "baseline"
	KindTick      Kind = "tick"
	KindVerdict   Kind = "verdict"
	KindState     Kind = "state"
	KindPlan      Kind = "plan"
	KindRefusal   Kind = "refusal"
	KindIntent    Kind = "intent"
	KindOutcome   Kind = "outcome"
	KindRollout   Kind = "rollout"
	KindControl   Kind = "control"
	KindMigration Kind = "migration"
	KindOwnerHold Kind = "ownerHold"
	KindCameBack  Kind = "cameBack"
	// KindScale is the intent to scale the old colour of a switch up, KindScaled what came of it.
	KindScale  Kind = "scale"
	KindScaled Kind = "scaled"
	KindStep   Kind = "step"
	// KindPause is the intent to stop a rollout on suspicion, KindPaused what came of it, KindResumed that it goes on.
	KindPause   Kind = "pause"
	KindPaused  Kind = "paused"
	KindResumed Kind = "resumed"
	// Entries of these kinds stand in the annex.
	KindPostmortem Kind = "postmortem"
	KindTold       Kind = "told"
	KindDiagnosis  Kind = "diagnosis"
	KindDrilled    Kind = "drilled"
)

// Entry is one line of a watch's journal. Entries are only ever appended.
type Entry struct {
	Version int    `json:"v"`
	ID      string `json:"id"`
	// Seq is the entry's place in the stream; it is known only of entries that were read back.
	Seq   uint64    `json:"seq,omitempty"`
	At    time.Time `json:"at"`
	Watch string    `json:"watch"`
	// Actor is who did what the entry tells: "rollbackd/<instance>", or a person or tool by its NATS user.
	Actor string `json:"actor"`
	Kind  Kind   `json:"kind"`

	Accepted *Accepted     `json:"accepted,omitempty"`
	Updated  *Accepted     `json:"updated,omitempty"`
	Pinned   *rollback.Pin `json:"pinned,omitempty"`
	// Frozen is the freeze during which the release was deployed.
	Frozen    *freeze.Period      `json:"frozen,omitempty"`
	Baseline  []analyzer.Baseline `json:"baseline,omitempty"`
	Tick      *Tick               `json:"tick,omitempty"`
	Verdict   *Verdict            `json:"verdict,omitempty"`
	State     *StateChange        `json:"state,omitempty"`
	Plan      *rollback.Plan      `json:"plan,omitempty"`
	Refusal   *rollback.Refusal   `json:"refusal,omitempty"`
	Intent    *Intent             `json:"intent,omitempty"`
	Outcome   *Outcome            `json:"outcome,omitempty"`
	Rollout   *RolloutProgress    `json:"rollout,omitempty"`
	Control   *Control            `json:"control,omitempty"`
	Migration *Migration          `json:"migration,omitempty"`
	OwnerHold *OwnerHold          `json:"ownerHold,omitempty"`
	CameBack  *CameBack           `json:"cameBack,omitempty"`
	Scale     *rollback.ScalePlan `json:"scale,omitempty"`
	Scaled    *Outcome            `json:"scaled,omitempty"`
	Step      *Step               `json:"step,omitempty"`
	Pause     *Pause              `json:"pause,omitempty"`
	Paused    *Outcome            `json:"paused,omitempty"`
	Resumed   *Resumed            `json:"resumed,omitempty"`

	Postmortem *Postmortem `json:"postmortem,omitempty"`
	Told       *Told       `json:"told,omitempty"`
	Drilled    *Drilled    `json:"drilled,omitempty"`
	// Diagnosis is what the cluster told of the release, and what may be the cause.
	Diagnosis *diagnosis.Diagnosis `json:"diagnosis,omitempty"`
}

// Phase tells the ticks of the watch proper from those that check whether a rollback helped.
type Phase string

// The phases of a watch.
const (
	PhaseWatch  Phase = "watch"
	PhaseVerify Phase = "verify"
)

// Accepted records an event as it was accepted.
type Accepted struct {
	Subject string `json:"subject"`
	// StreamSeq is the event's sequence in the DEPLOYMENTS stream.
	StreamSeq uint64 `json:"streamSeq"`
	// Event is the document as published, fields unknown to us included.
	Event json.RawMessage `json:"event"`
	// Policy is the name of the policy chosen, Mode what it lets the watch do.
	Policy string `json:"policy"`
	Mode   string `json:"mode"`
	// Unannounced says that nobody announced the deployment: it was seen in the cluster, and the event was made up for it.
	Unannounced bool `json:"unannounced,omitempty"`
	// Prometheus is the address at which people open Prometheus; links in the record begin with it.
	Prometheus string `json:"prometheus,omitempty"`
}

// Tick records the integer counts of one evaluation instant.
type Tick struct {
	Phase Phase `json:"phase"`
	analyzer.Tick
}

// Verdict records a judgement; it is written whenever the verdict of a phase changes, and where a watch, or a stage of one without an answer, ends.
type Verdict struct {
	Phase   Phase                 `json:"phase"`
	Verdict analyzer.Verdict      `json:"verdict"`
	Reason  string                `json:"reason"`
	Signals []analyzer.Assessment `json:"signals,omitempty"`
	// Evidence is the e-value of all signals together, Required what acting without asking needs of it; zero if nothing is judged by evidence.
	Evidence float64 `json:"evidence,omitempty"`
	Required float64 `json:"requiredEvidence,omitempty"`
	// Queries are the PromQL queries that measured each signal, by signal name, as they can be pasted into Prometheus.
	Queries map[string]string `json:"queries,omitempty"`
	// Graphs are the same queries without their time, to be drawn over a span.
	Graphs map[string]string `json:"graphs,omitempty"`
}

// StateChange records a transition of the watch's state.
type StateChange struct {
	From   string `json:"from,omitempty"`
	To     string `json:"to"`
	Reason string `json:"reason"`
	// Final is set when the watch ends in this state.
	Final bool `json:"final,omitempty"`
	// Incident is the incident's ID, from the moment one is opened.
	Incident string `json:"incident,omitempty"`
	// Until is when a watch that waits for a person stops waiting; zero in any other state.
	Until time.Time `json:"until,omitzero"`
}

// Intent records that a rollback is about to be carried out. Whoever's intent is appended may patch, no one else.
type Intent struct {
	ID   string        `json:"id"`
	Plan rollback.Plan `json:"plan"`
	// Migration takes the database back; nil if nothing does.
	Migration *MigrationOrder `json:"migration,omitempty"`
}

// Outcome records what came of an intent.
type Outcome struct {
	Intent string          `json:"intent"`
	Result rollback.Result `json:"result"`
	Detail string          `json:"detail,omitempty"`
}

// Control records what a person asked for; the entry's actor is who it was.
type Control struct {
	Verb   control.Verb `json:"verb"`
	Reason string       `json:"reason,omitempty"`
	// Request is the request's own ID, if it has one, so that it is known when it comes again.
	Request string `json:"request,omitempty"`
	// Revision is the one to go back to, if the person named one.
	Revision string `json:"revision,omitempty"`
	// Until is when a hold ends; zero where one was let go of.
	Until time.Time `json:"until,omitzero"`
}

// Step records that a canary is a larger part of the service now, and with what it is judged from then on.
type Step struct {
	// Percent is what the event says that the canary is now; zero if it does not say.
	Percent int `json:"percent,omitempty"`
	// Look is the number of the look that begins with the entry, of all looks at this canary, the first being 1; zero if the
	// one before goes on.
	Look int `json:"look,omitempty"`
	// Accepted is the event, Key the key that a watch of its own would have had. They are absent where no other event than
	// that of the watch brought the step.
	Accepted *Accepted `json:"accepted,omitempty"`
	Key      string    `json:"key,omitempty"`
}

// RolloutProgress records what the cluster says of a rollout.
type RolloutProgress struct {
	Phase   Phase  `json:"phase"`
	Message string `json:"message"`
	Done    bool   `json:"done"`
	// CompletedAt is when the rollout was complete, by the cluster's clock; zero while it is not.
	CompletedAt time.Time `json:"completedAt,omitzero"`
}
