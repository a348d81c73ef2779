package rollback

import (
	"encoding/json"
	"strings"
)

// This file holds what people are told to do about other owners: that a rollback lasts is decided where the version comes
// from, which rollbackd cannot change.

// adviser words advice for one plan.
type adviser struct {
	plan Plan
	// commit is the one that the event names; empty if it names none.
	commit string
}

// instead is what to do where the rollback is refused because of an owner: the owner's own way back first.
func (a adviser) instead(o Owner) []Step {
	switch o.Kind {
	case OwnerArgoCD:
		return []Step{
			{"Turn automated sync off", command("argocd app set", o.argoApp(), "--sync-policy none")},
			{"Have Argo CD go back to the deployment before", command("argocd app rollback", o.argoApp())},
			{"Revert the release in git", a.revert()},
			{"Then turn automated sync on again", command("argocd app set", o.argoApp(), "--sync-policy automated")},
		}
	case OwnerFluxKustomization, OwnerFluxHelmRelease:
		return []Step{
			{"Revert the release in git", a.revert()},
			{"Have Flux apply it now", command("flux reconcile", o.flux(), "--with-source")},
			{"If that takes too long, stop Flux first", command("flux suspend", o.flux())},
			{"then go back by hand", a.byHand()},
			{"and let Flux go on when git is right", command("flux resume", o.flux())},
		}
	}
	return []Step{
		{"Change what " + o.String() + " makes the workload from", command("kubectl -n", ShellWord(a.plan.Workload.Namespace), "edit", o.operated())},
	}
}

// lasting is what to do after the rollback, so that the owner does not bring the bad version back the next time it is used.
func (a adviser) lasting(o Owner) []Step {
	if o.mayRevert() {
		return []Step{{o.String() + " puts this version back by itself. Revert it where that takes it from", a.revert()}}
	}
	switch o.Kind {
	case OwnerHelm:
		return []Step{
			{"The next helm upgrade brings this version back. Have Helm go back too", command("helm rollback", orWord(o.Name, o.named(), "RELEASE"), "-n", a.releaseNamespace(o))},
			{"Revert the release in git", a.revert()},
		}
	case OwnerKubectlApply:
		return []Step{{"The next kubectl apply of the same manifest brings this version back. Revert it", a.revert()}}
	case OwnerArgoCD:
		return []Step{{"The next sync of " + o.String() + " brings this version back. Revert it in git", a.revert()}}
	case OwnerFluxKustomization, OwnerFluxHelmRelease:
		return []Step{{"The next change that " + o.String() + " applies brings this version back. Revert it in git", a.revert()}}
	}
	return nil
}

// held is what to do after a rollback under holds.
func (a adviser) held() []Step {
	return []Step{{"Whoever is held is let go when the next deployment is announced. Revert the release in git before that", a.revert()}}
}

func (a adviser) revert() string {
	return command("git revert", orWord(a.commit, isCommit(a.commit), "COMMIT"))
}

// isCommit reports whether an event's commit may stand in a command: hexadecimal, as git names commits.
func isCommit(s string) bool {
	return len(s) >= 4 && len(s) <= 64 && strings.Trim(s, "0123456789abcdefABCDEF") == ""
}

// byHand is the command that does what the plan would have done.
func (a adviser) byHand() string {
	namespace := ShellWord(cleanName(a.plan.Workload.Namespace))
	if s := a.plan.Switch; s != nil {
		patch, _ := json.Marshal(map[string]any{"spec": map[string]any{"selector": map[string]string{s.SelectorKey: s.From}}}) // strings always encode
		return command("kubectl -n", namespace, "patch", ShellWord("service/"+cleanName(s.Service)), "-p", ShellWord(string(patch)))
	}
	return command("kubectl -n", namespace, "rollout undo", ShellWord("deployment/"+cleanName(a.plan.Workload.Name)),
		"--to-revision="+orWord(a.plan.ToRevision, Revision{Number: a.plan.ToRevision}.number() > 0, "REVISION"))
}

func (a adviser) releaseNamespace(o Owner) string {
	if o.Namespace != "" && o.named() {
		return ShellWord(o.Namespace)
	}
	return ShellWord(cleanName(a.plan.Workload.Namespace))
}

func (o Owner) argoApp() string {
	app := orWord(o.Name, o.named(), "APPLICATION")
	if o.Namespace != "" && o.named() {
		return app + " --app-namespace " + ShellWord(o.Namespace)
	}
	return app
}

func (o Owner) flux() string {
	kind := "kustomization"
	if o.Kind == OwnerFluxHelmRelease {
		kind = "helmrelease"
	}
	return command(kind, orWord(o.Name, o.named(), "NAME"), "-n", orWord(o.Namespace, o.Namespace != "" && o.named(), "NAMESPACE"))
}

// operated names the controlling object as kubectl takes it.
func (o Owner) operated() string {
	return ShellWord(strings.ToLower(o.Resource)) + " " + orWord(o.Name, o.named(), "NAME")
}

func command(words ...string) string { return strings.Join(words, " ") }

// orWord returns a word for a command, or a placeholder where it may not stand there.
func orWord(word string, may bool, placeholder string) string {
	if !may {
		return placeholder
	}
	return ShellWord(word)
}
