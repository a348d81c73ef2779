package watch

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/notifier"
	"github.com/rollbackd/rollbackd/rollback"
)

// This file holds how people are paged once where a spent budget makes many releases wait: a page for each would bury all.

const (
	// gathering is how long after the first one others may join the same page, pagesApart the least time between two pages.
	gathering  = 10 * time.Second
	pagesApart = 10 * time.Minute
	// crowdLook is how often it is looked whether a page is due.
	crowdLook = time.Second
	// mostNamed is how many releases a page names.
	mostNamed = 10
)

// crowds are the releases that people are yet to be paged about.
type crowds struct {
	mu sync.Mutex
	// waiting are those that wait for a person, expired those that nobody approved in time.
	waiting, expired group
}

// group gathers releases for one page.
type group struct {
	first, told time.Time
	members     []member
}

type member struct{ key, environment, name, why string }

// crowded reports whether the watch is one of those that the page about a spent budget tells of.
func (w Watch) crowded() bool {
	denied := w.word != nil && w.word.Verb == control.Deny
	return w.refusal != nil && w.refusal.Code == rollback.RefuseBudget && w.leave() == nil && !denied
}

// note takes up a release that has just begun to wait, or has waited in vain.
func (c *crowds) note(w Watch, entries []incident.Entry, now time.Time) {
	if !w.crowded() || w.Event.Drill {
		return
	}
	for _, e := range entries {
		if e.Kind != incident.KindState {
			continue
		}
		switch State(e.State.To) {
		case AwaitingApproval:
			c.join(&c.waiting, w, now)
		case Held:
			c.join(&c.expired, w, now)
		}
	}
}

// again takes up a release that an earlier process may not have told of: better twice than never.
func (c *crowds) again(w Watch, now time.Time) {
	if w.State == AwaitingApproval && w.crowded() && !w.Event.Drill {
		c.join(&c.waiting, w, now)
	}
}

func (c *crowds) join(to *group, w Watch, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(to.members) == 0 {
		to.first = now
	}
	to.members = append(to.members, member{key: w.Key, environment: w.Event.Environment, name: w.name(), why: w.refusal.Reason})
}

// due returns the pages that are due.
func (c *crowds) due(now time.Time) []notifier.Notice {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []notifier.Notice
	if n, ok := c.waiting.page(now, "to be rolled back, and a person must approve: a budget of automatic rollbacks is spent"); ok {
		n.Text += ". rollbackctl list shows the releases of a namespace, rollbackctl approve lets one rollback happen"
		n.Next = "rollbackctl list shows the releases of a namespace, rollbackctl approve lets one rollback happen."
		out = append(out, n)
	}
	if n, ok := c.expired.page(now, "left live: a budget of automatic rollbacks was spent, and nobody approved in time"); ok {
		n.Kind = notifier.KindUnresolved
		out = append(out, n)
	}
	return out
}

// page tells of everyone in the crowd, which is empty then.
func (c *group) page(now time.Time, what string) (notifier.Notice, bool) {
	if len(c.members) == 0 || now.Sub(c.first) < gathering || now.Sub(c.told) < pagesApart {
		return notifier.Notice{}, false
	}
	subject := "1 bad release is"
	if len(c.members) > 1 {
		subject = fmt.Sprintf("%d bad releases are", len(c.members))
	}
	var names []string
	for _, m := range c.members[:min(len(c.members), mostNamed)] {
		names = append(names, m.name)
	}
	text := fmt.Sprintf("%s: %s", c.members[0].why, strings.Join(names, ", "))
	if more := len(c.members) - len(names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	id := []string{"crowd", what}
	for _, m := range c.members {
		id = append(id, m.key)
	}
	n := notifier.Notice{
		ID: noticeID(id...), Kind: notifier.KindAwaiting, At: now, Severity: notifier.Page, Environment: c.members[0].environment,
		Title: subject + " " + what, Text: text,
	}
	*c = group{told: now}
	return n, true
}

// tellCrowds pages until ctx ends.
func (s *Supervisor) tellCrowds(ctx context.Context) {
	ticker := time.NewTicker(crowdLook)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for _, n := range s.crowds.due(time.Now()) {
			s.send(n)
		}
	}
}
