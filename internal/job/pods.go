package job

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
)

// blame says why a Job failed, and whether by what its containers did. Pods that no node took, whose image could not be had or that
// were taken from their node say nothing of what the Job looked at.
func blame(pods []corev1.Pod, c batchv1.JobCondition, started bool) (own bool, why string) {
	why = strings.TrimSuffix(c.Reason+": "+c.Message, ": ")
	if c.Reason == batchv1.JobReasonDeadlineExceeded {
		if !started && !slices.ContainsFunc(pods, begun) {
			if len(pods) == 0 { // they are deleted as the time is up
				return false, "no pod of it was seen to run, as when no node has room, a quota forbids it or its image cannot be had (" + why + ")"
			}
			return false, cmp.Or(waitsFor(pods), "no container of it was seen to run") + " (" + why + ")"
		}
		return true, "it did not end in time (" + why + ")"
	}
	for _, p := range pods {
		if disrupted(p) {
			why = fmt.Sprintf("pod %s was taken from its node: %s (%s)", p.Name, cmp.Or(p.Status.Message, p.Status.Reason, "disrupted"), why)
			continue
		}
		for _, s := range statuses(p) {
			if t := s.State.Terminated; t != nil && t.ExitCode != 0 {
				return true, fmt.Sprintf("container %s ended with exit code %d%s (%s)", s.Name, t.ExitCode, reasonOf(t.Reason), why)
			}
		}
	}
	return false, why
}

func reasonOf(reason string) string {
	if reason == "" || reason == "Error" {
		return ""
	}
	return ", " + reason
}

// disrupted reports whether a pod was ended by something else than its containers.
func disrupted(p corev1.Pod) bool {
	return p.Status.Reason != "" && p.Status.Reason != batchv1.JobReasonDeadlineExceeded ||
		slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == corev1.DisruptionTarget && c.Status == corev1.ConditionTrue
		})
}

func begun(p corev1.Pod) bool {
	return slices.ContainsFunc(statuses(p), func(s corev1.ContainerStatus) bool {
		return s.State.Running != nil || s.State.Terminated != nil || s.RestartCount > 0
	})
}

func statuses(p corev1.Pod) []corev1.ContainerStatus {
	return slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses)
}

// waitsFor says what keeps a Job from running; empty if nothing does.
func waitsFor(pods []corev1.Pod) string {
	if len(pods) == 0 {
		return "it has no pod, as when a quota does not allow one"
	}
	for _, p := range pods {
		for _, c := range p.Status.Conditions {
			if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
				return fmt.Sprintf("no node takes pod %s: %s", p.Name, cmp.Or(c.Message, c.Reason))
			}
		}
		for _, s := range statuses(p) {
			if w := s.State.Waiting; w != nil {
				return fmt.Sprintf("container %s of pod %s waits: %s", s.Name, p.Name, strings.TrimSuffix(w.Reason+": "+w.Message, ": "))
			}
		}
	}
	return ""
}

// What is read of the logs of one Job.
const (
	mostPods     = 3
	mostLines    = int64(5000)
	logsPatience = 5 * time.Second
)

// logs reads the ends of the logs of a Job's newest pods, the oldest first.
func (r *Runner) logs(ctx context.Context, pods []corev1.Pod) string {
	ctx, cancel := context.WithTimeout(ctx, logsPatience)
	defer cancel()
	slices.SortStableFunc(pods, func(a, b corev1.Pod) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) })
	pods = pods[max(0, len(pods)-mostPods):]
	var parts []string
	several := len(pods) > 1
	for _, p := range pods {
		all := containers(&p.Spec)
		for _, c := range all {
			text := r.log(ctx, p, c.Name)
			if several || len(all) > 1 {
				text = fmt.Sprintf("--- pod %s, container %s\n%s", p.Name, c.Name, text)
			}
			parts = append(parts, strings.TrimRight(text, "\n"))
		}
	}
	return strings.Join(parts, "\n")
}

func (r *Runner) log(ctx context.Context, p corev1.Pod, container string) string {
	lines := mostLines
	stream, err := r.core.Pods(p.Namespace).GetLogs(p.Name, &corev1.PodLogOptions{Container: container, TailLines: &lines}).Stream(ctx)
	if err != nil {
		return fmt.Sprintf("(the log could not be read: %v)", inWords(err, p.Namespace, "read the logs of pods"))
	}
	defer stream.Close()
	text, err := lastOf(stream, MaxLog+margin)
	if err != nil {
		text += fmt.Sprintf("\n(the log broke off: %v)", err)
	}
	return text
}
