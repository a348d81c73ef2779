package incident

import (
	"fmt"
	"strings"
	"time"

	"github.com/rollbackd/rollbackd/rollback"
)

// The runbook's deadlines for the postmortem.
const (
	postmortemWithin       = 48 * time.Hour
	hotfixPostmortemWithin = 24 * time.Hour
)

// whatIsLeft tells the reader what to do, in the order in which to do it.
func (s Summary) whatIsLeft(p *page) {
	p.section("What is left to do")
	steps := s.steps()
	if len(steps) == 0 {
		p.line("Nothing.")
	}
	for i, step := range steps {
		p.line("%d. %s", i+1, step)
	}
}

func (s Summary) steps() []string { return append(s.afterMigration(), s.otherSteps()...) }

func (s Summary) otherSteps() []string {
	switch {
	case s.CameBack != nil:
		return append(s.cameBackSteps(), s.afterRollback()...)
	case s.RolledBack:
		return append(s.urgent(), s.afterRollback()...)
	case s.initiated() && s.Action.Result == "":
		return []string{"See what is live now: " + code(s.whatIsLive()),
			"If this page does not change within a minute, check that rollbackd is running: it finishes what it has begun"}
	case s.Decision != nil && s.State == stateAwaiting:
		return append(s.toDecide(), s.byHand()...)
	case s.Decision != nil && !s.Final:
		return append([]string{"Wait a moment: the watch is not over, and rollbackd may still act by itself"}, s.byHand()...)
	case s.Decision != nil:
		return append(s.byHand(), s.postmortem("If users were affected, write ", s.Times.Decided)...)
	case s.Final:
		return nil
	default:
		return []string{"Nothing yet: the watch is not over"}
	}
}

// urgent is what cannot wait until morning.
func (s Summary) urgent() []string {
	status := s.oldVersionRuns()
	switch s.State {
	case stateNotRecovered:
		return []string{
			"**Act now:** the old version is bad too, so look for a cause outside this release: a dependency, the database, the configuration, the traffic",
			status,
			"rollbackd does not act on this incident again; what happens next is up to you",
		}
	case stateUnverified:
		return []string{"**Check now** that the service is well: run the query under Evidence and the smoke tests", status}
	default:
		return nil
	}
}

func (s Summary) afterRollback() []string {
	if s.Event.Drill {
		return []string{"Nothing: the version was bad on purpose, and it was taken back. `rollbackctl report` shows how long it took"}
	}
	what := "Revert version " + or(text(s.version()), "unknown")
	if s.Event.Commit != "" {
		what = "Revert commit " + code(s.Event.Commit)
	}
	first := []string{what + " in git, or the next deploy brings this version back"}
	if len(s.Advice) > 0 {
		first = s.adviceSteps()
	}
	return append(append(first, s.postmortem("Write ", s.changed())...),
		"Add the rollback to the change log ("+link(changelogFile, changelogFile)+" is the entry), with the cause once it is known",
	)
}

// postmortem is the step of writing the postmortem; there is none once that is done. By when it is due the review says, where there is one.
func (s Summary) postmortem(write string, from time.Time) []string {
	facts := "(" + link(postmortemFile, postmortemFile) + " has the facts)"
	switch r := s.review; {
	case r != nil && !r.DoneAt.IsZero():
		return nil
	case r != nil && !r.Due.IsZero():
		return []string{fmt.Sprintf("Write the postmortem %s by %s %s", PostmortemName(r.Number), instant(r.Due), facts)}
	}
	within, by := s.postmortemWithin(), ""
	if !from.IsZero() {
		by = ", by " + instant(from.Add(within))
	}
	return []string{fmt.Sprintf("%sthe postmortem within %d hours%s %s", write, int(within.Hours()), by, facts)}
}

func (s Summary) postmortemWithin() time.Duration {
	if s.Event.Hotfix {
		return hotfixPostmortemWithin
	}
	return postmortemWithin
}

// byHand is what a person can do where the release is bad and nothing was rolled back.
func (s Summary) byHand() []string {
	if s.Migration != nil && s.Migration.Step == MigrationFailed {
		return append([]string{"**Before** you go back, make sure that the old version can work with the database as it is now"}, s.undo()...)
	}
	switch s.refused() {
	case rollback.RefuseSuperseded, rollback.RefuseTargetIsLive:
		return []string{"See what is live now: " + code(s.whatIsLive())}
	case rollback.RefuseWorkloadGone:
		return []string{"The deployment is gone. If it should exist, deploy it again with your deploy tool"}
	case rollback.RefuseTargetMissing:
		return []string{"The known-good version is no longer in the cluster. Deploy it again with your deploy tool"}
	case rollback.RefuseConfigMissing:
		return append([]string{"**First** put back what the known-good version needs; without it its pods do not start"}, s.undo()...)
	case rollback.RefuseImageUnpullable:
		return append([]string{"**First** make the known-good version's image available again, or deploy another version with your deploy tool"}, s.undo()...)
	case rollback.RefuseGitOpsOwner:
		return s.adviceSteps()
	case rollback.RefusePaused:
		return append([]string{"Ask who paused the deployment and why; then let it go on: " +
			code(s.kubectl("rollout resume "+s.deployment()))}, s.undo()...)
	case rollback.RefuseTargetBad:
		s.Target = nil // which is not to go back to
	case rollback.RefuseSchemaChange:
		return append([]string{"**First** take the database schema back with its down-migration, or make sure that the old version can work with the new schema"}, s.undo()...)
	}
	if s.State == stateSuperseded || s.initiated() && s.Action.Result == rollback.Superseded {
		return []string{"Look at the newer release: it has a watch of its own if it was announced. See what is live: " +
			code(s.whatIsLive())}
	}
	return s.undo()
}

func (s Summary) refused() rollback.RefusalCode {
	if s.Refusal == nil {
		return ""
	}
	return s.Refusal.Code
}

// undo gives the command that does what was not done, and how to tell that it is done.
func (s Summary) undo() []string {
	switch {
	case s.isSwitch():
		return s.switchByHand()
	case s.isCanary():
		return s.canaryByHand()
	}
	status := "Wait until it is done: " + code(s.kubectl("rollout status "+s.deployment()))
	if s.Target != nil && s.Target.Revision != "" {
		return []string{"If the service is still bad, go back to " + nameOf(*s.Target) + ": " +
			code(s.kubectl("rollout undo "+s.deployment()+" --to-revision="+shell(s.Target.Revision))), status}
	}
	return []string{
		"If the service is still bad, choose a version to go back to: " + code(s.kubectl("rollout history "+s.deployment())),
		"Go back to it: " + code(s.kubectl("rollout undo "+s.deployment()+" --to-revision=REVISION")),
		status,
	}
}

// kubectl makes a command in the workload's namespace; args must be quoted already.
func (s Summary) kubectl(args string) string {
	return "kubectl -n " + shell(s.Event.Namespace) + " " + args
}

// deployment names the workload to kubectl, whatever its kind.
func (s Summary) deployment() string {
	kind := "deployment"
	switch s.Event.Kind {
	case "StatefulSet", "DaemonSet":
		kind = strings.ToLower(s.Event.Kind)
	}
	return shell(kind + "/" + s.Event.Workload)
}
