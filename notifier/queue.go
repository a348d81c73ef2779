package notifier

import (
	"cmp"
	"slices"
	"time"
)

// This file decides what one sink is told next: it is pure, and the time is an argument.

// GroupRule makes one message of a burst. The zero value groups nothing.
type GroupRule struct {
	// Wait is for how long a notice waits for others; AtLeast is how many of one severity are made one message.
	Wait    time.Duration
	AtLeast int
}

// DefaultGroup is what people who read messages would want.
func DefaultGroup() GroupRule { return GroupRule{Wait: time.Second, AtLeast: 4} }

// mostGrouped is how many notices one message may stand for.
const mostGrouped = 100

// item is one notice on its way to one sink.
type item struct {
	notice   Notice
	arrived  time.Time
	due      time.Time
	attempts int
	// refused is why the sink did not take it when it was last tried.
	refused string
}

// thread is what the order is kept within: what is told of one watch, or of one incident.
func (it *item) thread() string {
	for _, name := range []string{it.notice.Watch, it.notice.Incident} {
		if name != "" {
			return name
		}
	}
	return it.notice.ID
}

// queue is what is to be told to one sink, in the order of arrival.
type queue struct {
	group  GroupRule
	most   int
	bucket bucket

	items []*item
	// paused is until when the receiver is left alone, and failures how often in a row it has not taken a message.
	paused   time.Time
	failures int
}

// add takes in a notice that arrived at that time, and returns the one that there is no room for, if so: of the least severity the oldest one.
func (q *queue) add(n Notice, arrived, now time.Time) *item {
	it := &item{notice: n, arrived: arrived, due: now}
	if q.group.AtLeast > 0 {
		it.due = now.Add(q.group.Wait)
	}
	q.items = append(q.items, it)
	if len(q.items) <= q.most {
		return nil
	}
	least := slices.MinFunc(q.items, func(a, b *item) int { return gravity(a.notice.Severity) - gravity(b.notice.Severity) })
	q.remove(least)
	return least
}

func (q *queue) remove(gone ...*item) {
	q.items = slices.DeleteFunc(q.items, func(it *item) bool { return slices.Contains(gone, it) })
}

// gravity orders severities, the least first.
func gravity(s Severity) int {
	if i := slices.Index(Severities(), s); i >= 0 {
		return len(Severities()) - i
	}
	return 0
}

// next returns what is to be sent now: one item, or several as one message. Without any it says for how long there is nothing to do;
// zero means until something is added.
func (q *queue) next(now time.Time) ([]*item, time.Duration) {
	if wait := q.paused.Sub(now); wait > 0 && len(q.items) > 0 {
		return nil, wait
	}
	first, wait := q.choose(now)
	if first == nil {
		return nil, wait
	}
	left, wait := q.bucket.take(now)
	q.bucket = left
	if wait > 0 {
		return nil, wait
	}
	if burst := q.burst(first.notice.Severity, now); len(burst) >= q.group.AtLeast && q.group.AtLeast > 0 {
		return burst, 0
	}
	return []*item{first}, 0
}

// eager is how often an item is tried before others come first. After an outage all have been tried so often, and the gravest comes first.
const eager = 3

// choose picks the item to send next: of the threads whose first item is due the one with the gravest notice. Others come before what was tried
// more often, so that no notice that a receiver chokes on keeps them from it.
func (q *queue) choose(now time.Time) (*item, time.Duration) {
	var best *item
	var wait time.Duration
	heads, grave := q.threads()
	for _, it := range heads {
		if d := it.due.Sub(now); d > 0 {
			if wait == 0 || d < wait {
				wait = d
			}
			continue
		}
		if best == nil || cmp.Or(cmp.Compare(min(it.attempts, eager), min(best.attempts, eager)),
			cmp.Compare(grave[best.thread()], grave[it.thread()]), cmp.Compare(it.attempts, best.attempts)) < 0 {
			best = it
		}
	}
	return best, wait
}

// threads returns the first item of each thread in order of arrival, and how grave the gravest of each is.
func (q *queue) threads() (heads []*item, grave map[string]int) {
	grave = map[string]int{}
	for _, it := range q.items {
		g, seen := grave[it.thread()]
		if !seen {
			heads = append(heads, it)
		}
		grave[it.thread()] = max(g, gravity(it.notice.Severity))
	}
	return heads, grave
}

// burst returns the items of a severity that can be told together: none of them overtakes an earlier one of its thread.
func (q *queue) burst(s Severity, now time.Time) []*item {
	var out []*item
	held := map[string]bool{}
	for _, it := range q.items {
		ready := it.attempts == 0 || !it.due.After(now) // what only waits for others need not
		switch {
		case held[it.thread()]:
		case it.notice.Severity == s && ready && len(out) < mostGrouped:
			out = append(out, it)
		default:
			held[it.thread()] = true
		}
	}
	return out
}

// The pause after a failure doubles from firstPause to longestPause; a receiver may ask for up to longestDeferral.
const (
	firstPause      = time.Second
	longestPause    = time.Minute
	longestDeferral = 15 * time.Minute
)

func backoff(failures int) time.Duration {
	return min(firstPause<<min(max(failures-1, 0), 10), longestPause)
}

// done removes what was delivered, or never will be. Either way the receiver has answered.
func (q *queue) done(batch []*item) {
	q.failures, q.paused = 0, time.Time{}
	q.remove(batch...)
}

// failed puts off what may succeed later. What was tried for longer than giveUpAfter is removed and returned.
func (q *queue) failed(batch []*item, after, giveUpAfter time.Duration, now time.Time) (dead []*item) {
	q.failures++
	q.paused = now.Add(max(backoff(q.failures), min(after, longestDeferral)))
	for _, it := range batch {
		it.due = now.Add(backoff(it.attempts))
		if now.Sub(it.arrived) >= giveUpAfter {
			dead = append(dead, it)
		}
	}
	q.remove(dead...)
	return dead
}
