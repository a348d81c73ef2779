package rollback

import (
	"errors"
	"fmt"
	"time"
)

// ErrProgressDeadline is the error of RolloutStatus for a rollout that the controller has given up on.
var ErrProgressDeadline = errors.New("the rollout made no progress within its deadline")

// What the Deployment controller says by its Progressing condition.
const (
	progressing      = "Progressing"
	reasonTimedOut   = "ProgressDeadlineExceeded"
	reasonRolledOut  = "NewReplicaSetAvailable"
	conditionHolding = "True"
)

// RolloutStatus tells how far the newest rollout is. The rules are those of kubectl rollout status (kubectl,
// pkg/polymorphichelpers/rollout_status.go), each kind's own. For a Deployment nothing is known before the controller has observed the newest
// generation, an exceeded progress deadline is an error, then all replicas must be updated, the old ones gone and the
// new ones available.
//
// Of a switch whose Service selects the old colour it tells whether that serves. Which of the two is meant is for the
// caller to know: while a cache has not seen the switch back, this is still the status of the new colour.
func RolloutStatus(s Snapshot) (message string, done bool, err error) {
	if s.Switch != nil && s.Switch.isBack() {
		message, done = s.switchedBack()
		return message, done, nil
	}
	if s.Canary != nil && s.Replicas == 0 {
		message, done = s.scaledAway()
		return message, done, nil
	}
	switch s.Workload.Kind {
	case KindStatefulSet:
		return rolloutOfStatefulSet(s)
	case KindDaemonSet:
		return rolloutOfDaemonSet(s)
	}
	updated, available := s.Status.UpdatedReplicas, s.Status.AvailableReplicas
	if s.ObservedGeneration < s.Generation {
		return notObserved(s.Workload.Kind), false, nil
	}
	if c := s.condition(progressing); c != nil && c.Reason == reasonTimedOut {
		return "", false, fmt.Errorf("%s: %w: %s", s.Workload, ErrProgressDeadline, c.Message)
	}
	switch {
	case updated < s.Replicas:
		return fmt.Sprintf("%d of %d replicas run the new template", updated, s.Replicas), false, nil
	case s.Status.Replicas > updated:
		return fmt.Sprintf("%d old replicas have yet to terminate", s.Status.Replicas-updated), false, nil
	case available < updated:
		return fmt.Sprintf("%d of %d new replicas are available", available, updated), false, nil
	}
	return fmt.Sprintf("rolled out: %d of %d replicas are available", available, s.Replicas), true, nil
}

// scaledAway tells whether the pods of a canary that is scaled to zero have gone, so that no Service sends them anything.
func (s Snapshot) scaledAway() (message string, done bool) {
	if left := max(int(s.Status.Replicas), len(s.Pods)); left > 0 || s.ObservedGeneration < s.Generation {
		return fmt.Sprintf("%d pods of the canary have yet to go", left), false
	}
	return "scaled to zero: the canary has no pods left", true
}

func (s Snapshot) switchedBack() (message string, done bool) {
	if s.Switch.OldReady == 0 {
		return s.selects() + ", but none of the pods that it selects is ready", false
	}
	return fmt.Sprintf("switched back: %s, and %d of its pods are ready", s.selects(), s.Switch.OldReady), true
}

// CompletedAt is when the rollout was complete, by the cluster's clock; zero while it is not. It is also zero for a
// Deployment without a progress deadline, because the controller records no completion for those. A switch, to the new
// colour or back, is not complete before the selector was changed.
func CompletedAt(s Snapshot) time.Time {
	if s.Switch == nil {
		return rolledOutAt(s)
	}
	if s.Switch.isBack() {
		if _, done := s.switchedBack(); !done {
			return time.Time{}
		}
		return s.Switch.SwitchedAt
	}
	rolledOut := rolledOutAt(s)
	if rolledOut.IsZero() {
		return rolledOut
	}
	return latest(rolledOut, s.Switch.SwitchedAt)
}

func rolledOutAt(s Snapshot) time.Time {
	c := s.condition(progressing)
	if c == nil || c.Reason != reasonRolledOut || c.Status != conditionHolding {
		return time.Time{}
	}
	// The condition of the rollout before stays up until the controller has acted on the new one.
	if _, done, err := RolloutStatus(s); !done || err != nil {
		return time.Time{}
	}
	return c.LastUpdateTime.UTC()
}
