package rollback

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"
)

// SettledAt is since when what is live has served with all of its pods: since the newest rollout came to its end, if the controller tells
// (a Deployment's does), and not before the oldest live pod was made. It is zero if there is none.
func (s Snapshot) SettledAt() time.Time {
	if s.Live == nil || s.Live.FirstPodAt.IsZero() {
		return time.Time{}
	}
	if c := s.condition(progressing); c != nil {
		return latest(s.Live.FirstPodAt, c.LastUpdateTime.UTC())
	}
	return s.Live.FirstPodAt
}

// Foresee returns the workload as it would be once another release, which nobody has seen yet, had taken the place of what is live: it is
// for telling beforehand what a rollback of that release would do. It is false while the controller has not acted on what is live.
func Foresee(s Snapshot, at time.Time) (Snapshot, bool) {
	template, ok := decode(s.Template)
	if s.Live == nil || !ok {
		return s, false
	}
	object, _ := template["spec"].(map[string]any)
	containers, _ := object["containers"].([]any)
	if len(containers) == 0 {
		return s, false
	}
	first, _ := containers[0].(map[string]any)
	if first == nil {
		return s, false
	}
	first["image"] = "rollbackd.io/foreseen" // any change of what runs makes it another release
	raw, err := json.Marshal(template)
	if err != nil {
		return s, false
	}
	next := *s.Live
	next.ReplicaSet, next.UID, next.Hash, next.Revived = "foreseen", "foreseen", "foreseen", false
	next.Number, next.Template = strconv.FormatInt(s.Live.number()+1, 10), raw
	next.CreatedAt, next.FirstPodAt, next.LiveSince, next.PodPrefix = at, at, time.Time{}, "foreseen-"
	s.Revisions = slices.Insert(slices.Clone(s.Revisions), 0, next)
	for i := range s.Revisions[1:] {
		s.Revisions[1+i].FirstPodAt = time.Time{} // they will be gone
	}
	s.Live, s.Template = &s.Revisions[0], raw
	if s.Workload.Kind == KindDeployment {
		s.Revision = next.Number
	}
	return s, true
}
