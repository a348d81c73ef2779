package backtest

import (
	"time"

	"github.com/rollbackd/rollbackd/internal/event"
)

// This file tells which of several groups of pods a deployment brought, where others of the workload were deployed shortly before or
// after. Most events come when a rollout is over, so that the next one's pods may be nearer to an event than its own.

// neighbours are the times of the workload's deployments before and after one, the nearest of each; zero if there is none.
func neighbours(e event.Event, others []event.Event) (before, after time.Time) {
	for _, o := range others { // the oldest first
		if o.Target() != e.Target() || o.Version == e.Version {
			continue
		}
		switch {
		case o.Timestamp.Before(e.Timestamp):
			before = o.Timestamp
		case after.IsZero():
			after = o.Timestamp
		}
	}
	return before, after
}

// matched are groups that were given to deployments: to how many of these, and how far they are from their events in all.
type matched struct {
	to  int
	off time.Duration
	// own is the group of the deployment in question, -1 if it has none.
	own int
}

func (m matched) better(than matched) bool {
	return m.to > than.to || m.to == than.to && m.off < than.off
}

// match gives groups to deployments, each in reach of its event and both in order of time, so that as many as can be have one and
// the sum of the distances is the least. own is the deployment in question.
func match(events []time.Time, own int, groups []group, settleFor time.Duration) matched {
	if len(events) == 0 || len(groups) == 0 {
		return matched{own: -1}
	}
	best := match(events[1:], own-1, groups, settleFor) // the first of the deployments has none
	for i, g := range groups {
		if !inReach(g, events[0], settleFor) {
			continue
		}
		m := match(events[1:], own-1, groups[i+1:], settleFor)
		m.to, m.off = m.to+1, m.off+g.first.Sub(events[0]).Abs()
		if m.own >= 0 {
			m.own += i + 1
		}
		if own == 0 {
			m.own = i
		}
		if m.better(best) {
			best = m
		}
	}
	return best
}

// inReach reports whether a group appeared when one of a deployment's may have.
func inReach(g group, at time.Time, settleFor time.Duration) bool {
	return !g.first.Before(at.Add(-lead)) && !g.first.After(at.Add(settleFor))
}

// mine returns the group that a deployment brought, false if none can have been.
func mine(groups []group, at, before, after time.Time, settleFor time.Duration) (group, bool) {
	var near []group
	for _, g := range groups {
		if inReach(g, at, settleFor) || !before.IsZero() && inReach(g, before, settleFor) || !after.IsZero() && inReach(g, after, settleFor) {
			near = append(near, g)
		}
	}
	events, own := []time.Time{at}, 0
	if !before.IsZero() {
		events, own = []time.Time{before, at}, 1
	}
	if !after.IsZero() {
		events = append(events, after)
	}
	m := match(events, own, near, settleFor)
	if m.own < 0 {
		return nearest(groups, at, settleFor)
	}
	return near[m.own], true
}
