package incident

import "github.com/rollbackd/rollbackd/rollback"

// isCanary reports whether the release is a canary that is a Deployment of its own.
func (s Summary) isCanary() bool { return s.Event.Strategy == "canary" && s.Event.Canary != "" }

// canaryByHand is undo for a canary: without its pods the Service sends everything to the stable workload. What kept
// rollbackd from it comes first.
func (s Summary) canaryByHand() []string {
	scale := "If the service is still bad, take the canary away: " + code(s.kubectl("scale "+s.canary()+" --replicas=0"))
	gone := "See that the stable version is ready, and alone: " + code(s.whatIsLive())
	switch s.refused() {
	case rollback.RefuseTargetNotReady:
		return []string{"First scale the stable workload up and wait until it is ready: " +
			code(s.kubectl("scale "+s.deployment()+" --replicas=REPLICAS")) + ", " + code(s.kubectl("rollout status "+s.deployment())), scale, gone}
	case rollback.RefuseScaled:
		return []string{"First see what decides how many pods the canary has, and stop it there: " + code(s.kubectl("get horizontalpodautoscalers")), scale, gone}
	}
	return []string{scale, gone}
}

func (s Summary) canary() string { return shell("deployment/" + s.Event.Canary) }
