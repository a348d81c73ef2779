package config

import (
	"slices"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/rollback"
)

// checkGitOps checks what a policy says of others who write the workloads.
func (p Policy) checkGitOps(k *checker, field func(...any) []any) {
	if !slices.Contains([]rollback.GitOps{rollback.GitOpsRefuse, rollback.GitOpsHold, rollback.GitOpsIgnore}, p.GitOps) {
		k.say(field("gitops"), "%q is not what can be done about other owners; use refuse, hold or ignore", p.GitOps)
	}
	if p.Verify.GuardFor < 0 {
		k.say(field("verify", "guardFor"), "%s is negative; write it as 1h, or as 0s to look no longer", p.Verify.GuardFor)
	}
}

func (c *checker) namespace(at []any, name string) {
	if !event.IsName(name) {
		c.say(at, "%q is not a namespace's name; use it as Kubernetes has it", name)
	}
}
