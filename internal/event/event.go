// Package event reads what deploy tools say. It is pure: bytes and a subject go in, an Event or a Rejection comes
// out. Everything in a document is hostile until Decode has returned it without an error.
package event

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kind is the kind of the workload that was deployed.
type Kind string

// The kinds of workloads that are watched. An event that names none means KindDeployment.
const (
	KindDeployment  Kind = "Deployment"
	KindStatefulSet Kind = "StatefulSet"
	KindDaemonSet   Kind = "DaemonSet"
)

// Strategy is how a version was brought out.
type Strategy string

// The strategies. An event that names none means StrategyRolling.
const (
	StrategyRolling   Strategy = "rolling"
	StrategyBlueGreen Strategy = "blue-green"
	StrategyCanary    Strategy = "canary"
)

// Status is how far the deployment has come, as its tool sees it.
type Status string

// The statuses. An event that names none means StatusSuccess.
const (
	StatusStarted Status = "started"
	StatusSuccess Status = "success"
	StatusFailed  Status = "failed"
)

// Event is one deployment as its tool announced it. One that came from Decode holds only valid names, bounded and
// printable strings, and its defaults filled in.
type Event struct {
	// ID tells deployments of one workload apart; it may be empty.
	ID string `json:"id,omitempty"`
	// Timestamp is when the tool says that this happened, in UTC. The deployment's start is read from the cluster.
	Timestamp   time.Time `json:"timestamp"`
	Environment string    `json:"environment"`
	Namespace   string    `json:"namespace"`
	Workload    string    `json:"workload"`
	Kind        Kind      `json:"kind,omitempty"`
	Strategy    Strategy  `json:"strategy,omitempty"`
	// Version is what the workload's live template must show before it is watched.
	Version         string `json:"version"`
	PreviousVersion string `json:"previousVersion,omitempty"`
	Commit          string `json:"commit,omitempty"`
	// Operator and Approvals are claims of the publisher; nothing is decided by them.
	Operator  string   `json:"operator,omitempty"`
	Approvals []string `json:"approvals,omitempty"`
	Status    Status   `json:"status,omitempty"`
	Hotfix    bool     `json:"hotfix,omitempty"`
	// Drill says that a bad version is deployed on purpose, to rehearse its rollback. It is accepted only where the daemon
	// allows drills.
	Drill bool `json:"drill,omitempty"`
	// SchemaChange says that the release migrated data, so that older code may no longer run.
	SchemaChange bool `json:"schemaChange,omitempty"`
	// Policy asks for one of the policies whose match includes the workload.
	Policy       string `json:"policy,omitempty"`
	Verification string `json:"verification,omitempty"`
	// Service, SelectorKey, From and To describe the switch of a blue-green deployment.
	Service     string `json:"service,omitempty"`
	SelectorKey string `json:"selectorKey,omitempty"`
	From        string `json:"from,omitempty"`
	To          string `json:"to,omitempty"`
	// Canary is the Deployment that carries the canary's pods.
	Canary string `json:"canary,omitempty"`
	// Step is how many per cent of the service the canary is meant to be, 1 to 100; zero if the event does not say. What it
	// really is shows in the cluster.
	Step int `json:"step,omitempty"`

	// Raw is the document as published, fields unknown to this version included.
	Raw json.RawMessage `json:"-"`
}

// Target is the workload that the event is about.
func (e Event) Target() Target {
	return Target{Environment: e.Environment, Namespace: e.Namespace, Workload: e.Workload}
}

// VersionLabels are the values by which a label of metrics may name the version: as the event names it, with and without
// the customary v; as the workload does, if that is known; or by the colour that a switch went to.
func (e Event) VersionLabels(live string) []string {
	var out []string
	for _, v := range []string{e.Version, live, e.To} {
		bare := strings.TrimPrefix(v, "v")
		for _, name := range []string{v, bare, "v" + bare} {
			if bare != "" && !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return out
}

// Key names the watch of this deployment: "<environment>.<namespace>.<64 hex digits>", fit for a NATS subject and a
// KV key. Events with the same workload and ID have the same key; without an ID the timestamp and the version stand
// in for it. The steps of one canary may all have one ID.
func (e Event) Key() string {
	parts := []string{"id", e.Workload, e.ID}
	if e.Strategy == StrategyCanary && e.Step > 0 {
		parts = append(parts, "step", strconv.Itoa(e.Step))
	}
	if e.ID == "" {
		parts = []string{"time-version", e.Workload, e.Timestamp.UTC().Format(time.RFC3339Nano), e.Version}
	}
	return e.Environment + "." + e.Namespace + "." + digest(parts)
}

// OfKey returns the environment and the namespace that the key of a watch begins with; false if the text is no such key.
func OfKey(key string) (environment, namespace string, ok bool) {
	parts := strings.Split(key, ".")
	if len(parts) != 3 || !IsName(parts[0]) || !IsName(parts[1]) {
		return "", "", false
	}
	// An ID that somebody has given an event, such as v1.2.3, may have as many parts.
	sum, err := hex.DecodeString(parts[2])
	return parts[0], parts[1], err == nil && len(sum) == sha256.Size
}

// digest hashes the parts so that no two lists run together: each is preceded by its length.
func digest(parts []string) string {
	var framed []byte
	for _, part := range parts {
		framed = strconv.AppendInt(framed, int64(len(part)), 10)
		framed = append(framed, ':')
		framed = append(framed, part...)
	}
	sum := sha256.Sum256(framed)
	return hex.EncodeToString(sum[:])
}
