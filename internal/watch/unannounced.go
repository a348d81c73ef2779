package watch

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/rollback"
)

// DefaultAnnounceWithin is how long after a deployment its event may come.
const DefaultAnnounceWithin = 2 * time.Minute

func (p Policy) announceWithin() time.Duration {
	if p.AnnounceWithin > 0 {
		return p.AnnounceWithin
	}
	return DefaultAnnounceWithin
}

// sighting is what the lookout sees of a workload whose containers have changed.
type sighting struct {
	target   event.Target
	policy   Policy
	snapshot rollback.Snapshot
	// known are the watches of the workload, open and ended.
	known []Watch
}

// finding is what a sighting comes to.
type finding struct {
	// again is when to look again; zero for not at all.
	again time.Time
	// unannounced says that something new is live which nobody announced and no rollback brought.
	unannounced bool
	introduced  rollback.Introduction
}

// settles is how soon a workload is looked at again whose Deployment controller has not acted yet.
const settles = 5 * time.Second

// find decides whether what is live was announced, once its event has had its time to come. It is pure.
func (s sighting) find(now time.Time) finding {
	found := s.unknown(now)
	if due := found.introduced.At.Add(s.policy.announceWithin()); found.unannounced && now.Before(due) {
		return finding{again: due}
	}
	return found
}

// unknown decides whether something new is live that no watch follows or has followed, and that no rollback brought. It is pure.
func (s sighting) unknown(now time.Time) finding {
	in, ok := rollback.Introduced(s.snapshot)
	switch {
	case s.snapshot.ObservedGeneration < s.snapshot.Generation:
		return finding{again: now.Add(settles)}
	case !ok || s.announced(in) || s.rolledBack(in):
		return finding{}
	case in.At.IsZero(): // a template was put back and has no pod yet
		return finding{again: now.Add(settles)}
	case now.Sub(in.At) > s.policy.End():
		return finding{}
	}
	return finding{unannounced: true, introduced: in}
}

// announced reports whether a watch follows or has followed what is live, or waits for it.
func (s sighting) announced(in rollback.Introduction) bool {
	for _, w := range s.known {
		switch {
		case w.Pin != nil:
			if in.Pinned(*w.Pin) {
				return true
			}
		case !s.snapshot.Runs(w.Event.Version):
		case !w.State.Final() || !w.AcceptedAt.Before(in.At):
			return true
		}
	}
	return false
}

// rolledBack reports whether what is live is what a rollback of ours put there. Where NATS has lost the watch, the intent in
// the workload's annotations tells it of a template that was put back just after it.
func (s sighting) rolledBack(in rollback.Introduction) bool {
	for _, w := range s.known {
		if w.Pin == nil || w.Pin.Target == nil || w.Pin.Switch != nil || w.LandedAt.IsZero() && w.State != RollingBack {
			continue
		}
		if rollback.ContainersEqual(s.snapshot.Template, w.Pin.Target.Template) {
			return true
		}
	}
	decided, ok := s.snapshot.IntentAt()
	lag := in.At.Sub(decided)
	return ok && in.PutBack && lag > -time.Second && lag < s.policy.Verify.Deadline
}

// event makes up the event that a deploy tool would have published. The same release has the same id in every process, so
// that it gets one watch.
func (s sighting) event(in rollback.Introduction) (event.Event, error) {
	e := event.Event{
		ID:        fmt.Sprintf("unannounced-%s-%s", s.snapshot.UID, in.Revision),
		Timestamp: in.At.UTC(), Environment: s.target.Environment, Namespace: s.target.Namespace, Workload: s.target.Workload,
		Version: s.snapshot.Version(),
	}
	document, err := json.Marshal(e)
	if err != nil {
		return event.Event{}, err
	}
	return event.Decode(s.target.Subject(), document)
}
