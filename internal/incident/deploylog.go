package incident

import (
	"strconv"
	"strings"

	"github.com/rollbackd/rollbackd/analyzer"
)

// deployLog is the runbook's deployment log, field for field and in its order, and then what became of it.
type deployLog struct {
	Timestamp    string   `json:"timestamp"`
	Environment  string   `json:"environment"`
	Version      string   `json:"version"`
	Commit       string   `json:"commit"`
	Operator     string   `json:"operator"`
	Strategy     string   `json:"strategy"`
	Approvals    []string `json:"approvals"`
	Status       string   `json:"status"`
	Verification string   `json:"verification"`

	Namespace string `json:"namespace"`
	Workload  string `json:"workload"`
	// Result is the watch's state and ResultReason why; Status above is only what the deploy tool said.
	Result       string `json:"result"`
	ResultReason string `json:"resultReason"`
	Incident     string `json:"incident,omitempty"`
	// Query is what measured the signal that left a watch without an answer, so that a misspelt metric is found by reading it.
	Query string `json:"query,omitempty"`
	// Drill says that the version was bad on purpose.
	Drill bool `json:"drill,omitempty"`
}

// DeployLog renders logs/deployments/deploy_<UTC>.json.
func DeployLog(entries []Entry) []byte {
	s := Fold(entries)
	log := deployLog{
		Timestamp: s.Event.Timestamp, Environment: s.Event.Environment, Version: s.version(), Commit: s.Event.Commit,
		Operator: s.Event.Operator, Strategy: or(s.Event.Strategy, "rolling"), Approvals: s.Event.Approvals,
		Status: or(s.Event.Status, "success"), Verification: s.Event.Verification,
		Namespace: s.Event.Namespace, Workload: s.Event.Workload,
		Result: s.State, ResultReason: s.Reason, Incident: s.Incident,
		Drill: s.Event.Drill,
	}
	if s.Final && s.Decision == nil && s.Latest != nil && s.Latest.Verdict != analyzer.Healthy {
		log.Query = s.Latest.Queries[s.Latest.Signal]
	}
	if log.Approvals == nil {
		log.Approvals = []string{}
	}
	if log.Timestamp == "" && !s.Times.Accepted.IsZero() {
		log.Timestamp = instant(s.Times.Accepted)
	}
	return indented(log)
}

// RollbackLine renders the line that a rollback leaves in logs/deployments/rollback_<version>.log, without its line
// end. It is empty where nothing was rolled back.
func RollbackLine(entries []Entry) string {
	s := Fold(entries)
	if !s.RolledBack {
		return ""
	}
	to := Version{}
	if s.initiated() {
		to = s.Action.To
	} else if s.Target != nil {
		to = *s.Target
	}
	return "Rollback executed at " + instant(s.changed()) +
		" environment=" + field(s.Event.Environment) +
		" namespace=" + field(s.Event.Namespace) +
		" workload=" + field(s.Event.Workload) +
		" from=" + field(s.version()) +
		" to=" + field(or(to.Version, or(to.ReplicaSet, to.Revision))) +
		identity(s)
}

// identity ends a line with what it is about. It stands last and values are quoted, so that no value can pass for it.
func identity(s Summary) string { return " incident=" + field(or(s.Incident, s.Watch)) }

// field writes a value for a log line; what is not plain is quoted and escaped.
func field(s string) string {
	s = clean(s, maxText)
	if s == "" || strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) >= 0 {
		return strconv.QuoteToASCII(s)
	}
	return s
}
