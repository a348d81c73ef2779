package rollback

import "time"

// servingSince tells since when a revision had been live when the release replaced it: the latest of its ReplicaSet's
// creation, the starts of its watches and the rollbacks to it. Restarts of the same release are one service.
//
// A template that was put back after another one had been live keeps its old ReplicaSet, and nothing in the cluster
// says when that was. Only what happened after the newest template below it was made can tell; failing that, its
// oldest live pod; failing that, nothing does.
func (c *chooser) servingSince(r Revision) (since time.Time, known bool) {
	since = c.recorded(r)
	if !r.Revived {
		since = latest(since, latest(r.CreatedAt, r.LiveSince))
		if earlier := c.restartedFrom(r); earlier != nil {
			if t, ok := c.servingSince(*earlier); ok {
				return t, true
			}
		}
		return since, true
	}
	if since.After(c.newestBelow(r)) {
		return since, true
	}
	return r.FirstPodAt, !r.FirstPodAt.IsZero()
}

// recorded returns the latest time at which a past watch saw this revision go live; zero if none did.
func (c *chooser) recorded(r Revision) time.Time {
	var last time.Time
	for _, w := range c.past {
		if w.of(r) {
			last = latest(last, w.T0)
		}
		if w.Target != nil && sameRelease(w.Target.Template, r.Template) {
			last = latest(last, w.RolledBackAt)
		}
	}
	return last
}

// restartedFrom returns the revision that r merely restarted: the one numbered right below it, of the same release.
func (c *chooser) restartedFrom(r Revision) *Revision {
	for i := range c.snapshot.Revisions {
		earlier := &c.snapshot.Revisions[i]
		if earlier.number() == r.number()-1 && sameRelease(earlier.Template, r.Template) {
			return earlier
		}
	}
	return nil
}

// newestBelow returns the creation of the youngest ReplicaSet with a lower revision number.
func (c *chooser) newestBelow(r Revision) time.Time {
	var newest time.Time
	for _, other := range c.snapshot.Revisions {
		if other.number() < r.number() {
			newest = latest(newest, other.CreatedAt)
		}
	}
	return newest
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
