package event

import (
	"encoding/json"
	"regexp"
	"strings"
	"time"
)

// Flux is what is read of an event of Flux's notification controller: what became of a Kustomization or a HelmRelease. It
// names no workload.
type Flux struct {
	// Kind is Kustomization or HelmRelease, Namespace and Name are those of that object.
	Kind, Namespace, Name string
	// At is when Flux says that it happened.
	At time.Time
	// Revision is what was applied: of a Kustomization the revision of its source, of a HelmRelease that of its chart. It may
	// be empty.
	Revision string
	// Commit is the Git commit of the revision, where it has one.
	Commit string
}

// The kinds of Flux's objects that bring workloads.
const (
	FluxKustomization = "Kustomization"
	FluxHelmRelease   = "HelmRelease"
)

// groups are the API groups of the kinds. The workloads that an object brings carry labels which begin with its group.
func fluxGroups() map[string]string {
	return map[string]string{FluxKustomization: "kustomize.toolkit.fluxcd.io", FluxHelmRelease: "helm.toolkit.fluxcd.io"}
}

// applied are the reasons of events that tell of something applied. kustomize-controller tells of what it changed by an event
// whose reason is that of its Ready condition at that moment: Progressing, or in old versions that of the reconciliation before, or
// else the severity. Its ReconciliationSucceeded comes with every reconciliation, and to few receivers. helm-controller has reasons of
// their own for what it did.
func appliedReasons() map[string][]string {
	return map[string][]string{
		FluxKustomization: {"Progressing", "ReconciliationSucceeded", "info"},
		FluxHelmRelease:   {"InstallSucceeded", "UpgradeSucceeded"},
	}
}

// Labels are those which the workloads carry that the object brings.
func (f Flux) Labels() map[string]string {
	group := fluxGroups()[f.Kind]
	return map[string]string{group + "/name": f.Name, group + "/namespace": f.Namespace}
}

// String names the object as people do.
func (f Flux) String() string { return "Flux " + f.Kind + " " + f.Namespace + "/" + f.Name }

// DecodeFlux reads an event as Flux's notification controller publishes it on NATS. Its error is always a *Rejection; events that
// do not tell of something applied have the code CodeNotADeployment.
func DecodeFlux(payload []byte) (Flux, error) {
	doc, rejection := parseDocument(payload)
	if rejection != nil {
		rejection.Fix = "have Flux publish here, and nothing else"
		return Flux{}, rejection
	}
	f := doc.flux()
	if doc.rejection != nil {
		return Flux{}, doc.rejection
	}
	return f, nil
}

func (d *document) flux() Flux {
	d.once(map[string]bool{"involvedObject": true, "severity": true, "reason": true, "timestamp": true, "metadata": true})
	if d.shownAs("involvedObject") == 0 {
		d.reject(&Rejection{Code: CodeMissing, Field: "involvedObject", Reason: "is required", Fix: "have Flux publish here, and nothing else"})
	}
	object := d.object("involvedObject", "kind", "apiVersion", "namespace", "name")
	f := Flux{Kind: object.required("kind", "every event of Flux has it", upTo(MaxText))}
	group, _, _ := strings.Cut(object.text("apiVersion", upTo(MaxText)), "/")
	d.adopt("involvedObject", object)
	severity, reason := d.text("severity", upTo(MaxText)), d.text("reason", upTo(MaxText))
	d.tellsOfApplying(f.Kind, group, severity, reason)

	f.Namespace = object.required("namespace", "every event of Flux has it", label())
	f.Name = object.required("name", "every event of Flux has it", subdomain(), labelValue())
	d.adopt("involvedObject", object)
	f.At = d.timestamp()
	metadata := d.object("metadata")
	metadata.once(map[string]bool{"revision": true, "originRevision": true})
	metadata.strip(group)
	f.Revision = metadata.text("revision", upTo(MaxText))
	f.Commit = gitCommit(metadata.text("originRevision", upTo(MaxText)))
	if f.Commit == "" {
		f.Commit = gitCommit(f.Revision)
	}
	d.adopt("metadata", metadata)
	return f
}

// tellsOfApplying rejects what tells of anything else.
func (d *document) tellsOfApplying(kind, group, severity, reason string) {
	ours, known := fluxGroups()[kind]
	ok := false
	for _, applied := range appliedReasons()[kind] {
		ok = ok || reason == applied
	}
	if known && (group == "" || group == ours) && severity == "info" && ok {
		return
	}
	d.reject(&Rejection{
		Code: CodeNotADeployment, Field: "reason", Value: Quote(reason),
		Reason: Quote(reason) + " of a " + Quote(kind) + " with severity " + Quote(severity) + " does not say that something was applied",
		Fix:    "nothing needs to be done; events of other kinds can be left out of the Alert",
	})
}

// strip gives the metadata the names that notification-controller gives them: without the group of the object.
func (d *document) strip(group string) {
	for _, name := range []string{"revision", "originRevision"} {
		var value string
		if raw, given := d.raw(group + "/" + name); given && json.Unmarshal(raw, &value) == nil {
			d.complete(name, value)
		}
	}
}

// gitCommit is the commit of a revision such as main@sha1:731f7ea… or, as Flux wrote before its second version, main/731f7ea….
func gitCommit(revision string) string {
	found := regexp.MustCompile(`(?:^|@|/)(?:sha1:)?([0-9a-f]{40})$`).FindStringSubmatch(revision)
	if found == nil {
		return ""
	}
	return found[1]
}
