package watch

import (
	"sync"
	"time"
)

// turns says which groups of watches may be measured: one after the other, not too often, and after a failure not at once.
type turns struct {
	mu     sync.Mutex
	groups map[string]*turn
}

// turn is one group's. A slow answer delays its own group's ticks only.
type turn struct {
	busy bool
	// rest is until when the group waits, so that it is asked for many watches at once.
	rest time.Time
	// pause is how long it waits after the next failure.
	pause time.Duration
}

const (
	// crowd is how many watches that are due at once make a group rest, since as many are due again a moment later: they were
	// deployed at different times, and each has ticks of its own.
	crowd = 8
	// gathers is how many times a crowd is measured between two scrapes.
	gathers = 4
)

// take reports whether it is the group's turn, which it then has until it is given back.
func (t *turns) take(group string, at time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	g := t.groups[group]
	if g == nil {
		if t.groups == nil {
			t.groups = map[string]*turn{}
		}
		g = &turn{pause: minPause}
		t.groups[group] = g
	}
	if g.busy || at.Before(g.rest) {
		return false
	}
	g.busy = true
	return true
}

// giveBack ends a turn that began at a time, with so many watches whose targets are scraped so often.
func (t *turns) giveBack(group string, began time.Time, watches int, scrape time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if watches < crowd {
		delete(t.groups, group)
		return
	}
	*t.groups[group] = turn{pause: minPause, rest: began.Add(scrape / gathers)}
}

// giveUp ends a turn in which Prometheus gave no answer: the next one is later each time.
func (t *turns) giveUp(group string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	g := t.groups[group]
	g.busy, g.rest, g.pause = false, now.Add(g.pause), min(2*g.pause, maxPause)
}

// forget drops the groups that have long had no turn.
func (t *turns) forget(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for group, g := range t.groups {
		if !g.busy && now.Sub(g.rest) > maxPause {
			delete(t.groups, group)
		}
	}
}
