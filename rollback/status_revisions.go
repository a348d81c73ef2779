package rollback

import "fmt"

// rolloutOfStatefulSet tells how far a StatefulSet's rollout is, by kubectl's rules (see RolloutStatus): the replicas must
// be ready, and all of them, or those from the partition up, must be of the newest revision.
func rolloutOfStatefulSet(s Snapshot) (message string, done bool, err error) {
	updated, ready := s.Status.UpdatedReplicas, s.Status.ReadyReplicas
	switch {
	case s.Update.onDelete():
		return "", false, s.Update.notFollowed(s.Workload)
	case s.ObservedGeneration == 0 || s.ObservedGeneration < s.Generation:
		return notObserved(s.Workload.Kind), false, nil
	case ready < s.Replicas:
		return fmt.Sprintf("%d of %d replicas are ready", ready, s.Replicas), false, nil
	case s.Update.Partition > 0 && updated < s.Replicas-s.Update.Partition:
		return fmt.Sprintf("%d of the %d replicas from ordinal %d up run the new template",
			updated, s.Replicas-s.Update.Partition, s.Update.Partition), false, nil
	case s.Update.Partition > 0:
		return fmt.Sprintf("rolled out from ordinal %d up: %d replicas run the new template", s.Update.Partition, updated), true, nil
	case s.Status.UpdateRevision != s.Status.CurrentRevision:
		return fmt.Sprintf("%d of %d replicas run the new template", updated, s.Replicas), false, nil
	}
	return fmt.Sprintf("rolled out: %d of %d replicas are ready", ready, s.Replicas), true, nil
}

// rolloutOfDaemonSet does the same for a DaemonSet: all nodes that are to have a pod must have an updated one, and these
// must be available.
func rolloutOfDaemonSet(s Snapshot) (message string, done bool, err error) {
	updated, available := s.Status.UpdatedNumberScheduled, s.Status.NumberAvailable
	wanted := s.Status.DesiredNumberScheduled
	switch {
	case s.Update.onDelete():
		return "", false, s.Update.notFollowed(s.Workload)
	case s.ObservedGeneration < s.Generation:
		return notObserved(s.Workload.Kind), false, nil
	case updated < wanted:
		return fmt.Sprintf("%d of %d nodes run the new template", updated, wanted), false, nil
	case available < wanted:
		return fmt.Sprintf("%d of %d updated pods are available", available, wanted), false, nil
	}
	return fmt.Sprintf("rolled out: %d of %d pods are available", available, wanted), true, nil
}

func notObserved(k Kind) string { return k.controller() + " has not acted on the newest change yet" }

// UpdateStrategy is how a StatefulSet or DaemonSet is updated.
type UpdateStrategy struct {
	// Type is RollingUpdate, or OnDelete: pods are then replaced only as somebody deletes them.
	Type string
	// Partition keeps the pods of a StatefulSet with a lower ordinal from being updated.
	Partition int32
}

func (u UpdateStrategy) onDelete() bool { return u.Type == "OnDelete" }

func (u UpdateStrategy) notFollowed(w Workload) error {
	return fmt.Errorf("%s has the update strategy OnDelete: its rollout goes as somebody deletes pods, and cannot be followed", w.workloadName())
}

// refuseUpdate refuses a workload that would not follow its template.
func refuseUpdate(s Snapshot) *Refusal {
	switch {
	case s.Update.onDelete():
		return refusal(RefuseUpdateStrategy, "%s has the update strategy OnDelete: a rollback would replace no pod before somebody deletes it",
			s.Workload.workloadName())
	case s.Update.Partition > 0:
		return refusal(RefuseUpdateStrategy, "the updates of %s are held at partition %d: a rollback would leave the pods below ordinal %d as they are",
			s.Workload.workloadName(), s.Update.Partition, s.Update.Partition)
	}
	return nil
}
