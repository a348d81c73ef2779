package rollback

import (
	"fmt"
	"strconv"
)

// Restarted returns the pin of a release whose rollout was restarted, or whose labels and annotations were changed: the
// containers are the same, but another ReplicaSet has the pods, and its name is what tells them from others'. It is false
// as long as nothing has changed, or that ReplicaSet has no live pod. What is judged, since when, and what a rollback would
// return to stays what it is.
func (p Pin) Restarted(s Snapshot) (Pin, bool) {
	live := s.Live
	if s.UID != p.WorkloadUID || live == nil || live.UID == p.Release.UID || live.FirstPodAt.IsZero() {
		return p, false
	}
	if p.Release.ByLabel || !live.PodsNamed() || !ContainersEqual(live.Template, p.Release.Template) {
		return p, false
	}
	release := *live
	release.Version = p.Release.Version
	p.Release = release
	return p, true
}

// restarted reports whether all that has happened to the Deployment since the plan was made is one restart of its rollout, or
// one change of labels and annotations. With more than one change in between, the plan might have been carried out and
// somebody might have put the release back, by a tool that puts back the annotations of then.
func (p Plan) restarted(s Snapshot) bool {
	before, err := strconv.ParseInt(p.FromRevision, 10, 64)
	return err == nil && p.Workload.Kind == KindDeployment && s.Revision == strconv.FormatInt(before+1, 10) &&
		!TemplatesEqual(s.Template, p.FromTemplate) && ContainersEqual(s.Template, p.FromTemplate)
}

// unsettled reports whether the Deployment has the containers that the plan was made for in another template, of which its controller has made no
// revision yet: how often it was changed can only be told once there is one, a moment later. A paused one gets none.
func (p Plan) unsettled(s Snapshot) bool {
	return p.Workload.Kind == KindDeployment && s.UID == p.WorkloadUID && !s.Deleting && !s.Paused && s.Revision == p.FromRevision &&
		!TemplatesEqual(s.Template, p.FromTemplate) && !TemplatesEqual(s.Template, p.ToTemplate) && ContainersEqual(s.Template, p.FromTemplate)
}

func (p Plan) restartedWords() string {
	return fmt.Sprintf("%s was restarted, or given other labels or annotations, after the plan was made", p.Workload)
}
