// Package rollback decides what a rollback would change and carries it out on Kubernetes.
//
// Choosing the target and planning are pure functions of what was read from the API server; reading and patching
// are in cluster.go. Pod templates are handled as raw JSON throughout, because typed structs silently drop fields
// that are newer than the client library.
package rollback

import (
	"encoding/json"
	"time"
)

// Workload names a Deployment, StatefulSet or DaemonSet.
type Workload struct {
	Kind      Kind   `json:"kind,omitempty"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// String returns namespace/name.
func (w Workload) String() string { return w.Namespace + "/" + w.Name }

// Revision is one revision of a workload: a ReplicaSet of a Deployment, a ControllerRevision of the other kinds.
type Revision struct {
	// ReplicaSet and UID name that object. Hash is its pod-template-hash and Number its revision annotation; of a
	// ControllerRevision Hash is what its pods have as their controller-revision-hash, and Number its revision.
	ReplicaSet string `json:"replicaSet"`
	UID        string `json:"uid"`
	Hash       string `json:"hash"`
	Number     string `json:"revision"`
	// Template is the pod template as the API server gave it, without the pod-template-hash label.
	Template  json.RawMessage `json:"template,omitempty"`
	Version   string          `json:"version,omitempty"`
	Images    []string        `json:"images,omitempty"`
	CreatedAt time.Time       `json:"createdAt"`
	// FirstPodAt is the earliest creation of a live pod of this ReplicaSet; zero when it has none.
	FirstPodAt time.Time `json:"firstPodAt,omitzero"`
	Replicas   int32     `json:"replicas"`
	Ready      int32     `json:"ready"`
	// PodPrefix is what the names of this ReplicaSet's pods begin with; empty if the names do not tell.
	PodPrefix string `json:"podPrefix"`
	// ByLabel says that which revision a pod is of is told by its label alone, and not by its name.
	ByLabel bool `json:"byLabel,omitempty"`
	// LiveSince is when a ControllerRevision was last made the newest one; zero if nothing tells.
	LiveSince time.Time `json:"liveSince,omitzero"`
	// Revived says that this template went out of service and was put back later (kubectl rollout undo does that), so
	// that the ReplicaSet's creation does not tell since when it served.
	Revived bool `json:"revived,omitempty"`
}

// Pin fixes, when a deployment has settled, what is being watched and what a rollback would return to.
type Pin struct {
	WorkloadUID string `json:"workloadUID"`
	// T0 is when the deployment started, read from the cluster.
	T0 time.Time `json:"t0"`
	// Release is the version being judged.
	Release Revision `json:"release"`
	// Target is the known-good version, nil if there is none; NoTarget then says why.
	Target   *Revision `json:"target,omitempty"`
	NoTarget string    `json:"noTarget,omitempty"`
	// Why says on what grounds Target is held to be good.
	Why string `json:"why,omitempty"`
	// Replicas is the workload's replica count when it was pinned.
	Replicas int32 `json:"replicas"`
	// RolledBackAt is when a release with the same containers was rolled back before; zero if none was.
	RolledBackAt time.Time `json:"rolledBackAt,omitzero"`
	// Switch is set for a blue-green deployment; Target is then a version of the old colour's workload.
	Switch *PinnedSwitch `json:"switch,omitempty"`
	// Canary is set if the release is a canary; Target is then what the stable workload ran beside it.
	Canary *PinnedCanary `json:"canary,omitempty"`
}

// Plan is what a rollback would change, with the preconditions that the API server checks when it is applied.
type Plan struct {
	Workload    Workload `json:"workload"`
	WorkloadUID string   `json:"workloadUID"`
	// FromRevision, FromHash and FromTemplate must still be live when the plan is applied, unless it is one of a switch.
	FromRevision string          `json:"fromRevision"`
	FromHash     string          `json:"fromHash"`
	FromTemplate json.RawMessage `json:"fromTemplate"`
	FromVersion  string          `json:"fromVersion,omitempty"`
	// HasAnnotations says whether what is patched, the workload or the Service, has any annotations (a JSON patch cannot
	// add to an absent map).
	HasAnnotations bool `json:"hasAnnotations"`
	// ToReplicaSet, ToHash and ToTemplate are the pinned target.
	ToReplicaSet string          `json:"toReplicaSet"`
	ToUID        string          `json:"toUID"`
	ToHash       string          `json:"toHash"`
	ToRevision   string          `json:"toRevision"`
	ToTemplate   json.RawMessage `json:"toTemplate"`
	ToVersion    string          `json:"toVersion,omitempty"`
	// Resumes is set if the rollout is paused by rollbackd itself: the patch that takes the release back ends the pause.
	Resumes *PauseMark `json:"resumes,omitempty"`
	// Switch is set if the plan switches a Service back; the workload itself is then left as it is.
	Switch *PlannedSwitch `json:"switch,omitempty"`
	// Owners are those who write the patched object too; see Mind.
	Owners []Owner `json:"owners,omitempty"`
	// Holds are how those of them who would undo the rollback are kept from it.
	Holds []Hold `json:"holds,omitempty"`
	// Advice is what must be done for the rollback to last, where others brought the version that it takes back.
	Advice []Step `json:"advice,omitempty"`
	// Canary is set if the plan takes a canary away; what is patched is the canary's Deployment.
	Canary *PlannedCanary `json:"canary,omitempty"`
	// Summary is the plan in one sentence for a person.
	Summary string `json:"summary"`
	// Notes are what a person should know of the plan besides, a sentence each: what could not be checked.
	Notes []string `json:"notes,omitempty"`
}

// Refusal says why no rollback is possible or wise.
type Refusal struct {
	Code   RefusalCode `json:"code"`
	Reason string      `json:"reason"`
	// Owners are those because of whom it is refused, and Advice is what a person can do instead, in order.
	Owners []Owner `json:"owners,omitempty"`
	Advice []Step  `json:"advice,omitempty"`
}

// Step is one thing for a person to do.
type Step struct {
	Do string `json:"do"`
	// Command does it, quoted for a POSIX shell; empty if no command does. Words in capitals are for the reader to replace.
	Command string `json:"command,omitempty"`
}

// String returns the step in one line.
func (s Step) String() string {
	if s.Command == "" {
		return s.Do
	}
	return s.Do + ": " + s.Command
}

// Asks reports whether a person may overrule the refusal: what it says is that nothing is done without one.
func (r *Refusal) Asks() bool {
	switch r.Code {
	case RefuseUnproven, RefuseStage, RefuseOnHold, RefuseBudget, RefuseCoolDown, RefuseFreeze, RefuseCameBack:
		return true
	}
	return false
}

// Error returns the refusal's reason.
func (r *Refusal) Error() string { return r.Reason }

// RefusalCode is the kind of a refusal.
type RefusalCode string

// The refusals.
const (
	// RefuseUnproven: the rule asks for a rollback, but chance is not ruled out well enough to act without a person.
	RefuseUnproven RefusalCode = "unproven"
	// RefuseNoTarget: no version is known to be good.
	RefuseNoTarget RefusalCode = "no-target"
	// RefuseNoRevision: there is no such revision as a person named, or none can be named.
	RefuseNoRevision RefusalCode = "no-revision"
	// RefuseTargetMissing: the pinned ReplicaSet is gone, the old colour no longer runs what was pinned, or the stable
	// workload of a canary is gone.
	RefuseTargetMissing RefusalCode = "target-missing"
	// RefuseConfigMissing: a ConfigMap or Secret that the target's template names is not there.
	RefuseConfigMissing RefusalCode = "config-missing"
	// RefuseImageUnpullable: an image of the target could not be pulled when it was last tried.
	RefuseImageUnpullable RefusalCode = "image-unpullable"
	// RefuseTargetNotReady: the old colour, or the stable workload of a canary, has too few ready pods to take the traffic.
	RefuseTargetNotReady RefusalCode = "target-not-ready"
	// RefuseAutoscaler: the old colour has too few pods, and an autoscaler keeps it from having more.
	RefuseAutoscaler RefusalCode = "autoscaler"
	// RefuseTargetIsLive: the live template already equals the target's, the Service already selects the old colour, or the
	// canary is scaled to zero already.
	RefuseTargetIsLive RefusalCode = "target-is-live"
	// RefuseSuperseded: the live containers are no longer those of the release that was judged, or the Service selects
	// something else.
	RefuseSuperseded RefusalCode = "superseded"
	// RefuseUnsettled: the Deployment controller has not yet acted on the newest change. This one passes by itself.
	RefuseUnsettled RefusalCode = "unsettled"
	// RefusePaused: the workload is paused, by someone who will have had a reason.
	RefusePaused RefusalCode = "paused"
	// RefuseUpdateStrategy: the workload would not follow its template, or not with all of its pods.
	RefuseUpdateStrategy RefusalCode = "update-strategy"
	// RefuseWorkloadGone: the workload was deleted, or deleted and made again.
	RefuseWorkloadGone RefusalCode = "workload-gone"
	// RefuseServiceGone: the Service was deleted, or deleted and made again.
	RefuseServiceGone RefusalCode = "service-gone"
	// RefuseSwitchForbidden: the event names a Service, a selector key or a colour that its publisher may not name.
	RefuseSwitchForbidden RefusalCode = "switch-forbidden"
	// RefuseCanaryForbidden: the event names a canary that its publisher may not name.
	RefuseCanaryForbidden RefusalCode = "canary-forbidden"
	// RefuseScaled: something else decides how many pods the canary has, and would scale it up again.
	RefuseScaled RefusalCode = "scaled-by-another"
	// RefuseSchemaChange: the release, or one between it and the target, changed a database schema.
	RefuseSchemaChange RefusalCode = "schema-change"
	// RefuseGitOpsOwner: somebody else writes the object and would undo the rollback, or cannot be kept from it.
	RefuseGitOpsOwner RefusalCode = "gitops-owner"
	// RefuseCameBack: the release was rolled back before and is there again. It is for a person to say what becomes of it.
	RefuseCameBack RefusalCode = "came-back"
	// RefuseObserve: the policy only observes.
	RefuseObserve RefusalCode = "observe"
	// RefuseStage: the policy asks a person at this stage of the watch.
	RefuseStage RefusalCode = "needs-approval"
	// RefuseOnHold: a person holds the workload.
	RefuseOnHold RefusalCode = "on-hold"
	// RefuseBudget: so many automatic rollbacks have been made lately that a person must look.
	RefuseBudget RefusalCode = "budget"
	// RefuseCoolDown: the workload was rolled back only a short time ago.
	RefuseCoolDown RefusalCode = "cool-down"
	// RefuseFreeze: nothing is to be changed at this time without a person.
	RefuseFreeze RefusalCode = "freeze"
	// RefuseTargetBad: the known-good version was itself proven bad after it was pinned. Only a revision that a person names
	// gets around this.
	RefuseTargetBad RefusalCode = "target-bad"
)

// Result is what came of applying a plan.
type Result string

// The results.
const (
	// Landed: the API server accepted the patch, now or before a restart.
	Landed Result = "landed"
	// Superseded: somebody changed the workload first; nothing was changed by us.
	Superseded Result = "superseded"
	// Outdated: the rollout was restarted, or labels and annotations were changed, after the plan was made. Nothing was changed
	// by us, and the release that the plan was about is still live: it is to be planned anew.
	Outdated Result = "outdated"
	// Failed: the API server refused for another reason that will not go away by itself.
	Failed Result = "failed"
)

// PastWatch is what an earlier watch of the same workload found out, the newest first in any list of them.
type PastWatch struct {
	Hash string `json:"hash"`
	// Template is the watched release's pod template without the pod-template-hash label.
	Template json.RawMessage `json:"template,omitempty"`
	// T0 is when that release started serving; ended is when the watch ended (zero while open).
	T0    time.Time `json:"t0"`
	Ended time.Time `json:"ended,omitzero"`
	// Passed: it passed the active stage with enough data. Bad: it was proven bad (rolled back or held).
	Passed       bool `json:"passed"`
	Bad          bool `json:"bad"`
	SchemaChange bool `json:"schemaChange"`
	// Drill: the release was bad on purpose. It is never a target, but what is known of it says nothing of other deployments of the
	// same containers.
	Drill bool `json:"drill,omitempty"`
	// Superseded: a newer deployment ended it before it could pass.
	Superseded bool `json:"superseded,omitempty"`
	// RolledBackAt is when Target was put back in its place; zero if it was not.
	RolledBackAt time.Time `json:"rolledBackAt,omitzero"`
	// Looks is how often a canary has been judged from the start, by this watch and those before it.
	Looks int `json:"looks,omitempty"`
	// Target is the known-good version that was pinned for it, nil if there was none.
	Target *Revision `json:"target,omitempty"`
	Why    string    `json:"why,omitempty"`
}
