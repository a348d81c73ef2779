package watch

import (
	"cmp"
	"slices"
)

// matching returns the watches that are wanted, the newest first. What is not wanted is not copied: every watch that waits for
// its version asks every second for those of its own workload, and a thousand may wait. What want is given is valid until it
// returns, and want must not ask the Supervisor anything.
func (s *Supervisor) matching(want func(*Watch) bool) []Watch {
	out := []Watch{}
	s.mu.RLock()
	for _, a := range s.actors {
		if w := a.view.Load(); want(w) {
			out = append(out, *w)
		}
	}
	var w Watch // one for all: a pointer to the loop's own would have each of them copied to the heap
	for _, w = range s.ended {
		if want(&w) {
			out = append(out, w)
		}
	}
	s.mu.RUnlock()
	slices.SortFunc(out, func(a, b Watch) int {
		return cmp.Or(b.AcceptedAt.Compare(a.AcceptedAt), cmp.Compare(a.Key, b.Key))
	})
	return out
}

// countStates counts the watches by their states.
func (s *Supervisor) countStates() map[State]int {
	counts := map[State]int{}
	for st := range transitions() {
		counts[st] = 0
	}
	s.matching(func(w *Watch) bool {
		counts[w.State]++
		return false
	})
	return counts
}
