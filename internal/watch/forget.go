package watch

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/rollbackd/rollbackd/internal/event"
)

const (
	// endedFor is how long a watch is remembered in memory after its end. The store forgets it as late.
	endedFor = 60 * 24 * time.Hour
	// endedEach is how many of each workload are remembered, the newest, besides those that are younger than alwaysFor or that were rolled
	// back. A cluster keeps fewer revisions than that to go back to.
	endedEach = 50
	alwaysFor = 7 * 24 * time.Hour
	// forgetEvery is how often it is looked what can be forgotten.
	forgetEvery = time.Hour
)

// forgettable returns the keys of the watches that nobody needs in memory any more. The store and the journal still have them.
func forgettable(ended map[string]Watch, now time.Time) []string {
	of := map[event.Target][]Watch{}
	var out []string
	for key, w := range ended {
		if now.Sub(w.Since) > endedFor {
			out = append(out, key)
			continue
		}
		of[w.Event.Target()] = append(of[w.Event.Target()], w)
	}
	for _, all := range of {
		slices.SortFunc(all, func(a, b Watch) int { return cmp.Or(b.AcceptedAt.Compare(a.AcceptedAt), cmp.Compare(a.Key, b.Key)) })
		for _, w := range all[min(len(all), endedEach):] {
			if w.LandedAt.IsZero() && now.Sub(w.Since) > alwaysFor {
				out = append(out, w.Key)
			}
		}
	}
	return out
}

// forgetEnded keeps the memory of what has ended from growing for as long as the daemon runs.
func (s *Supervisor) forgetEnded(ctx context.Context) {
	for {
		s.mu.Lock()
		for _, key := range forgettable(s.ended, time.Now()) {
			if _, guarded := s.guards[key]; !guarded {
				delete(s.ended, key)
			}
		}
		s.mu.Unlock()
		if !sleep(ctx, forgetEvery) {
			return
		}
	}
}
