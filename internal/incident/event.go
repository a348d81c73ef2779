package incident

import (
	"encoding/json"
	"strings"

	"github.com/rollbackd/rollbackd/internal/event"
)

// Event is what the deploy tool said, as claimed: nothing here has been checked against the cluster.
type Event struct {
	ID              string   `json:"id,omitempty"`
	Timestamp       string   `json:"timestamp,omitempty"`
	Environment     string   `json:"environment,omitempty"`
	Namespace       string   `json:"namespace,omitempty"`
	Workload        string   `json:"workload,omitempty"`
	Kind            string   `json:"kind,omitempty"`
	Strategy        string   `json:"strategy,omitempty"`
	Version         string   `json:"version,omitempty"`
	PreviousVersion string   `json:"previousVersion,omitempty"`
	Commit          string   `json:"commit,omitempty"`
	Operator        string   `json:"operator,omitempty"`
	Approvals       []string `json:"approvals,omitempty"`
	Status          string   `json:"status,omitempty"`
	Verification    string   `json:"verification,omitempty"`
	Hotfix          bool     `json:"hotfix,omitempty"`
	SchemaChange    bool     `json:"schemaChange,omitempty"`
	// Drill says that the release was bad on purpose, to rehearse its rollback.
	Drill bool `json:"drill,omitempty"`
	// Service, SelectorKey, From and To describe the switch of a blue-green deployment.
	Service     string `json:"service,omitempty"`
	SelectorKey string `json:"selectorKey,omitempty"`
	From        string `json:"from,omitempty"`
	To          string `json:"to,omitempty"`
	// Canary is the Deployment that carries the canary's pods, Step how many per cent of the service it was last said to be.
	Canary string `json:"canary,omitempty"`
	Step   int    `json:"step,omitempty"`
}

// subjectTokens are the tokens of deployments.<environment>.<namespace>.<workload>; a workload may hold dots.
const subjectTokens = 4

// decodeEvent reads what it can of an accepted event. The subject it came on names the environment and the workload, and it
// is the subject that was authorised.
func decodeEvent(a *Accepted) Event {
	var ev Event
	// A field of the wrong type is skipped and the rest is still read, so the error changes nothing.
	_ = json.Unmarshal(event.Native(a.Subject, a.Event), &ev)
	if tokens := strings.SplitN(a.Subject, ".", subjectTokens); len(tokens) == subjectTokens {
		ev.Environment, ev.Namespace, ev.Workload = tokens[1], tokens[2], tokens[3]
	}
	return ev
}

// workload returns namespace/name.
func (e Event) workload() string { return e.Namespace + "/" + e.Workload }

// update takes over what the second event of a pair may change.
func (e *Event) update(later Event) {
	if later.Status != "" {
		e.Status = later.Status
	}
	if later.Timestamp != "" {
		e.Timestamp = later.Timestamp
	}
	if later.Verification != "" {
		e.Verification = later.Verification
	}
}
