package watch

import (
	"fmt"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/rollback"
)

// This file brings what the cluster says of a release's pods to those who judge it.

// addHealth writes into the newest tick of a job what the cluster says of the release now. Of older ticks, which are caught up
// with after a restart, nothing is known. It is read from the cache, and costs the API server nothing.
func (s *scheduler) addHealth(j job, ticks []analyzer.Tick, now time.Time) {
	w := j.watch
	newest := ticks[len(ticks)-1]
	if j.phase != incident.PhaseWatch || !w.recent(newest.At, now) {
		return
	}
	for _, sig := range w.Policy.Signals {
		if sig.Kind != analyzer.KindRollout {
			continue
		}
		snapshot, ok := s.opts.cached(*w)
		if !ok || w.contradicts(snapshot) {
			return
		}
		r := w.rollout(snapshot, now)
		newest.Signals[sig.Name] = analyzer.Measurement{Rollout: &r}
	}
}

// rollout is what a snapshot says of the release.
func (w Watch) rollout(s rollback.Snapshot, at time.Time) analyzer.Rollout {
	h := rollback.HealthOf(*w.Pin, s, at)
	return analyzer.Rollout{Release: analyzer.PodCounts(h.Release), Old: analyzer.PodCounts(h.Old), Overdue: h.Overdue}
}

// podsRecovered refuses for now to roll back a release that was proven bad by its pods alone, if a live read shows them well: the
// cache that was judged by is old while the API server is away.
func (w Watch) podsRecovered(s rollback.Snapshot, now time.Time) *rollback.Refusal {
	byPods := false
	for _, a := range w.judgement.Signals {
		switch {
		case a.Verdict != analyzer.Regressed:
		case a.Kind != analyzer.KindRollout || a.Pods == "":
			return nil
		default:
			byPods = true
		}
	}
	if r := w.rollout(s, now); !byPods || r.Fails() {
		return nil
	}
	return &rollback.Refusal{Code: rollback.RefuseUnsettled, Reason: fmt.Sprintf("the pods of %s are well by now", w.Event.Version)}
}
