package gather

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/rollbackd/rollbackd/internal/diagnosis"
)

// mostContainers is how many containers of one pod are kept.
const mostContainers = 12

// podOf keeps of a pod what is worth showing.
func (a *gathering) podOf(p pod) diagnosis.Pod {
	out := diagnosis.Pod{
		Name: p.Name, Side: p.side, Phase: string(p.Status.Phase), Deleting: p.DeletionTimestamp != nil,
		CreatedAt: p.CreationTimestamp.UTC(), Node: p.Spec.NodeName,
	}
	for _, c := range p.Status.Conditions {
		switch {
		case c.Type == corev1.PodReady:
			out.Ready = c.Status == corev1.ConditionTrue
		case c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse:
			out.Unplaced = a.words(c.Message)
		case c.Type == corev1.DisruptionTarget && c.Status == corev1.ConditionTrue:
			out.Evicted = a.words(c.Reason + ": " + c.Message)
		}
	}
	if out.Evicted == "" && p.Status.Reason != "" {
		out.Evicted = a.words(p.Status.Reason + ": " + p.Status.Message)
	}
	all := statuses(p.Pod)
	for _, s := range slices.Clone(all[:min(len(all), mostContainers)]) {
		out.Containers = append(out.Containers, a.containerOf(s))
	}
	return out
}

func (a *gathering) containerOf(s corev1.ContainerStatus) diagnosis.Container {
	c := diagnosis.Container{Name: s.Name, Image: a.words(s.Image), Ready: s.Ready, Restarts: int(s.RestartCount)}
	switch {
	case s.State.Waiting != nil:
		c.State, c.Reason, c.Message = "waiting", s.State.Waiting.Reason, a.words(s.State.Waiting.Message)
	case s.State.Terminated != nil:
		c.State, c.Reason, c.Message = "terminated", s.State.Terminated.Reason, a.words(s.State.Terminated.Message)
		c.Ended = a.exitOf(s.State.Terminated)
	case s.State.Running != nil:
		c.State = "running"
	}
	if c.Ended == nil && s.LastTerminationState.Terminated != nil {
		c.Ended = a.exitOf(s.LastTerminationState.Terminated)
	}
	return c
}

func (a *gathering) exitOf(t *corev1.ContainerStateTerminated) *diagnosis.Exit {
	return &diagnosis.Exit{Reason: t.Reason, Message: a.words(t.Message), Code: int(t.ExitCode), Signal: int(t.Signal), At: t.FinishedAt.UTC()}
}
