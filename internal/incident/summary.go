package incident

import (
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/freeze"
	"github.com/rollbackd/rollbackd/rollback"
)

// The states that the renderings tell apart, as the journal spells them.
const (
	stateWatching     = "Watching"
	stateSuperseded   = "Superseded"
	stateAwaiting     = "AwaitingApproval"
	stateHeld         = "Held"
	stateRolledBack   = "RolledBack"
	stateUnverified   = "RolledBackUnverified"
	stateNotRecovered = "NotRecovered"
)

// Summary is what a journal tells, folded into one value. Of a journal that was cut short it tells what is known.
type Summary struct {
	// Incident is the incident's ID, empty until one is opened.
	Incident string `json:"incident,omitempty"`
	Watch    string `json:"watch"`
	Event    Event  `json:"event"`
	// Policy is the policy that was chosen, Mode what it lets the watch do.
	Policy string `json:"policy,omitempty"`
	Mode   string `json:"mode,omitempty"`

	// State is the latest state and Reason why the watch is in it; Final is set when it ended there.
	State  string `json:"state,omitempty"`
	Reason string `json:"reason,omitempty"`
	Final  bool   `json:"final"`
	// RolledBack says that a rollback landed; Restored that the service was then seen to be well again.
	RolledBack bool `json:"rolledBack"`
	Restored   bool `json:"restored"`
	// NotRolledBack says why nothing was rolled back, empty if something was.
	NotRolledBack string `json:"notRolledBack,omitempty"`

	// Release is the version that was judged and Target the one to go back to, on the grounds in TargetWhy.
	Release   *Version `json:"release,omitempty"`
	Target    *Version `json:"target,omitempty"`
	TargetWhy string   `json:"targetWhy,omitempty"`
	NoTarget  string   `json:"noTarget,omitempty"`
	// Freeze is the freeze during which the release was deployed, nil if there was none.
	Freeze    *freeze.Period `json:"freeze,omitempty"`
	oldColour oldColour
	// prometheus is the address at which people open Prometheus, empty if it is not known.
	prometheus string
	// review is what the annex tells of the review; nil if nothing.
	review *Postmortem

	Baselines []analyzer.Baseline `json:"baselines"`
	// Decision is the judgement that the release is bad, nil if there was none; Latest is the newest judgement of the
	// release, and Verification the newest one after the rollback.
	Decision     *Judgement `json:"decision,omitempty"`
	Latest       *Judgement `json:"latest,omitempty"`
	Verification *Judgement `json:"verification,omitempty"`

	Plan    *Move             `json:"plan,omitempty"`
	Refusal *rollback.Refusal `json:"refusal,omitempty"`
	Action  *Action           `json:"action,omitempty"`
	// Migration is the down-migration of the newest attempt, nil if it has none.
	Migration *MigrationSummary `json:"migration,omitempty"`
	// Owners are those who write the workload too, and Advice is what must be done because of them. OwnerHold is how they are
	// kept from undoing the rollback, CameBack that the release is there again all the same.
	Owners    []rollback.Owner `json:"owners,omitempty"`
	Advice    []rollback.Step  `json:"advice,omitempty"`
	OwnerHold *OwnerHold       `json:"ownerHold,omitempty"`
	CameBack  *CameBack        `json:"cameBack,omitempty"`
	// Rollout is what the cluster last said of the deployment, Return of the rollback.
	Rollout *RolloutProgress `json:"rollout,omitempty"`
	Return  *RolloutProgress `json:"return,omitempty"`

	// Drilled is what a drill came to, nil of what is no drill, or until somebody has said so.
	Drilled *DrillResult `json:"drilled,omitempty"`
	// Told is what was told to whom.
	Told []Told `json:"told,omitempty"`

	Times Times `json:"times"`
	// Entries is how many journal entries this was folded from.
	Entries int `json:"entries"`
}

// Version is one ReplicaSet of the workload and the version it runs.
type Version struct {
	Version    string   `json:"version,omitempty"`
	ReplicaSet string   `json:"replicaSet,omitempty"`
	Revision   string   `json:"revision,omitempty"`
	Hash       string   `json:"hash,omitempty"`
	Images     []string `json:"images,omitempty"`
}

// Judgement is a verdict with the evidence for it.
type Judgement struct {
	At      time.Time        `json:"at"`
	Verdict analyzer.Verdict `json:"verdict"`
	Reason  string           `json:"reason"`
	// Evidence is the e-value of all signals together, Required what acting without asking needs of it.
	Evidence float64 `json:"evidence,omitempty"`
	Required float64 `json:"requiredEvidence,omitempty"`
	// Signal is the name of the signal that decided; Signals are the assessments of all, Queries what measured them.
	Signal  string                `json:"signal,omitempty"`
	Signals []analyzer.Assessment `json:"signals"`
	Queries map[string]string     `json:"queries,omitempty"`
	// Graphs are the queries without their time.
	Graphs map[string]string `json:"graphs,omitempty"`
}

// Move is what a plan changes, without the templates.
type Move struct {
	Summary string  `json:"summary"`
	From    Version `json:"from"`
	To      Version `json:"to"`
}

// Action is the attempt to roll back.
type Action struct {
	Intent string `json:"intent"`
	// Actor carried it out; ApprovedBy let it happen where the policy asks for approval.
	Actor      string `json:"actor"`
	ApprovedBy string `json:"approvedBy,omitempty"`
	Move
	// Result is empty as long as no outcome is recorded.
	Result rollback.Result `json:"result,omitempty"`
	Detail string          `json:"detail,omitempty"`
}

// Times are the instants of a watch; those not reached are zero and left out.
type Times struct {
	Accepted time.Time `json:"accepted,omitzero"`
	// Started and Completed are the deployment's, by the cluster.
	Started   time.Time `json:"started,omitzero"`
	Completed time.Time `json:"completed,omitzero"`
	// FirstBad is the first tick of the held breach in which anything failed; FirstBreach is its first tick.
	FirstBad    time.Time `json:"firstBad,omitzero"`
	FirstBreach time.Time `json:"firstBreach,omitzero"`
	Decided     time.Time `json:"decided,omitzero"`
	// Initiated is when the intent was written, Landed when the API server had accepted the change.
	Initiated       time.Time `json:"initiated,omitzero"`
	Landed          time.Time `json:"landed,omitzero"`
	RolloutComplete time.Time `json:"rolloutComplete,omitzero"`
	Restored        time.Time `json:"restored,omitzero"`
	CameBack        time.Time `json:"cameBack,omitzero"`
	// State is when the latest state was entered; Last is the newest entry.
	State time.Time `json:"state,omitzero"`
	// ApprovalUntil is when the watch stops waiting for a person, while it does.
	ApprovalUntil time.Time `json:"approvalUntil,omitzero"`
	Last          time.Time `json:"last,omitzero"`
}

// Lead returns the assessment of the signal that decided, nil if none is recorded.
func (j *Judgement) Lead() *analyzer.Assessment {
	if j == nil {
		return nil
	}
	return j.of(j.Signal)
}

// of returns the assessment of one signal, nil if there is none.
func (j *Judgement) of(signal string) *analyzer.Assessment {
	if j == nil {
		return nil
	}
	for i := range j.Signals {
		if j.Signals[i].Signal == signal {
			return &j.Signals[i]
		}
	}
	return nil
}

// baseline returns the baseline of one signal, nil if none was frozen.
func (s Summary) baseline(signal string) *analyzer.Baseline {
	for i := range s.Baselines {
		if s.Baselines[i].Signal == signal {
			return &s.Baselines[i]
		}
	}
	return nil
}

// version returns the version that was judged: as claimed, or as the cluster shows it.
func (s Summary) version() string {
	if s.Event.Version == "" && s.Release != nil {
		return s.Release.Version
	}
	return s.Event.Version
}
