package rollback

import (
	"errors"
	"time"
)

// Health is what the cluster says of a release's pods, and of those of the version that it replaces.
type Health struct {
	Release, Old PodCounts
	// Overdue is set when the release's rollout has made no progress within the Deployment's own deadline.
	Overdue bool
}

// PodCounts counts the live pods of one version.
type PodCounts struct {
	Pods, Ready int
	// Crashing pods crash again and again; Restarts are those of the pod with the most of them.
	Crashing, Restarts int
	// Unpullable pods lack an image, and no node has room for Unplaced ones.
	Unpullable, Unplaced int
}

// HealthOf counts the pods of the pinned release and of all other versions of the workload. At tells how long ago a crash was.
func HealthOf(pin Pin, s Snapshot, at time.Time) Health {
	var h Health
	isRelease := map[string]bool{pin.Release.UID: true}
	if s.Live != nil && s.Live.UID != pin.Release.UID && ContainersEqual(s.Live.Template, pin.Release.Template) {
		isRelease[s.Live.UID] = true // the same release, restarted
	}
	for _, p := range s.Pods {
		if isRelease[p.Owner] {
			h.Release = h.Release.with(p, at)
		} else {
			h.Old = h.Old.with(p, at)
		}
	}
	if s.Switch != nil {
		for _, old := range s.Switch.Old {
			for _, p := range old.Pods {
				h.Old = h.Old.with(p, at)
			}
		}
	}
	if s.Canary != nil && s.Canary.Stable != nil {
		for _, p := range s.Canary.Stable.Pods {
			h.Old = h.Old.with(p, at)
		}
	}
	_, _, err := RolloutStatus(s)
	h.Overdue = errors.Is(err, ErrProgressDeadline)
	return h
}

func (c PodCounts) with(p PodState, at time.Time) PodCounts {
	c.Pods++
	switch {
	case p.crashing(at):
		c.Crashing++
		c.Restarts = max(c.Restarts, p.Restarts)
	case p.Unpullable:
		c.Unpullable++
	case p.Unplaced:
		c.Unplaced++
	case p.Ready:
		c.Ready++
	}
	return c
}
