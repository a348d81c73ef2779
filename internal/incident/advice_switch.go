package incident

import (
	"encoding/json"
	"strconv"

	"github.com/rollbackd/rollbackd/rollback"
)

// oldColour is where a switch back sends the traffic, as far as it was pinned.
type oldColour struct {
	workload string
	// replicas is how many pods the new colour had.
	replicas int32
}

func oldColourOf(p rollback.Pin) oldColour {
	if p.Switch == nil {
		return oldColour{}
	}
	return oldColour{workload: p.Switch.OldWorkload.Name, replicas: p.Replicas}
}

// isSwitch reports whether the event names all that a switch back takes.
func (s Summary) isSwitch() bool {
	return s.Event.Service != "" && s.Event.SelectorKey != "" && s.Event.From != ""
}

// switchByHand is undo for a switch. What kept rollbackd from switching back comes first: traffic that is sent to pods
// which are not there is worse than a bad release.
func (s Summary) switchByHand() []string {
	switch s.refused() {
	case rollback.RefuseTargetNotReady, rollback.RefuseAutoscaler, rollback.RefuseConfigMissing, rollback.RefuseImageUnpullable:
		return s.scaleUpAndSwitch()
	case rollback.RefuseNoTarget, rollback.RefuseSwitchForbidden:
		return []string{
			"First compare both versions by hand, because rollbackd does not know the old one to be good: " +
				code(s.pods(s.Event.From)) + " and " + code(s.pods(s.Event.To)),
			"If the service is still bad, and the old version is ready and better, switch the traffic back: " + code(s.switchBack()),
		}
	case rollback.RefuseServiceGone:
		return []string{
			"The Service is gone, or was made again. See what there is: " + code(s.selector()),
			"If it should exist, make it again with your deploy tool, and see that it selects a version that is ready: " +
				code(s.pods(s.Event.From)) + " or " + code(s.pods(s.Event.To)),
		}
	}
	return []string{"If the service is still bad, switch the traffic back: " + code(s.switchBack())}
}

func (s Summary) scaleUpAndSwitch() []string {
	then := "Then, if the service is still bad, switch the traffic back: " + code(s.switchBack())
	if s.oldColour.workload == "" {
		return []string{"First scale the old colour up and wait until it is ready: " + code(s.pods(s.Event.From)), then}
	}
	replicas := "REPLICAS"
	if s.oldColour.replicas > 0 {
		replicas = strconv.Itoa(int(s.oldColour.replicas))
	}
	return []string{
		"First scale the old colour up and wait until it is ready: " +
			code(s.kubectl("scale "+s.oldDeployment()+" --replicas="+replicas)) + ", " + code(s.kubectl("rollout status "+s.oldDeployment())),
		then,
	}
}

// oldVersionRuns tells how to see whether what was rolled back to runs. After a switch that is another Deployment.
func (s Summary) oldVersionRuns() string {
	command := s.kubectl("rollout status " + s.deployment())
	switch {
	case s.isSwitch() && s.oldColour.workload != "":
		command = s.kubectl("rollout status " + s.oldDeployment())
	case s.isSwitch():
		command = s.pods(s.Event.From)
	}
	return "See that the old version is running: " + code(command)
}

// whatIsLive is the command that shows what the users get.
func (s Summary) whatIsLive() string {
	switch {
	case s.isSwitch():
		return s.selector()
	case s.isCanary():
		return s.kubectl("get " + s.canary() + " " + s.deployment() + " -o wide")
	}
	return s.kubectl("rollout history " + s.deployment())
}

func (s Summary) oldDeployment() string { return shell("deployment/" + s.oldColour.workload) }

func (s Summary) selector() string {
	return s.kubectl("get " + shell("service/"+s.Event.Service) + " -o wide")
}

// pods is the command that lists the pods of one colour.
func (s Summary) pods(colour string) string {
	return s.kubectl("get pods -l " + shell(s.Event.SelectorKey+"="+colour))
}

// switchBack makes the runbook's command that points a Service at the old colour.
func (s Summary) switchBack() string {
	patch := map[string]any{"spec": map[string]any{"selector": map[string]string{s.Event.SelectorKey: s.Event.From}}}
	// A map of strings always encodes.
	body, _ := json.Marshal(patch)
	return s.kubectl("patch " + shell("service/"+s.Event.Service) + " -p " + shell(string(body)))
}
