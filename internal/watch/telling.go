package watch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/notifier"
)

// This file sends notices, and sends them again where it is not known that they were sent: the notice of an entry has the same ID whenever it is made,
// and the teller tells none twice.

const (
	// retellFor is how old an entry may be whose notice is sent again after a restart. What was to be told before that is in the teller's hands, or
	// was told by a version that kept no account of it.
	retellFor = 6 * time.Hour
	// keptPatience is how long the picture of an ended watch waits for the notices of its end to be stored. Nothing else waits for them.
	keptPatience = 2 * time.Second
	// mostOpen is for how long an incident that a watch ended with is told to be open, and resolvedFor for how long a newer deployment resolves it.
	mostOpen    = 24 * time.Hour
	resolvedFor = 6 * 24 * time.Hour
)

// noticeID makes an ID of what tells a notice from all others.
func noticeID(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return "n-" + hex.EncodeToString(sum[:12])
}

// send tells people, with the address of the page where they can read on.
func (s *Supervisor) send(n notifier.Notice) {
	if s.opts.Link != nil && n.Link == "" {
		switch {
		case n.Incident != "":
			n.Link = s.opts.Link("incidents", n.Incident)
		case n.Watch != "":
			n.Link = s.opts.Link("watches", n.Watch)
		}
	}
	s.opts.Tell.Send(n)
}

func (s *Supervisor) sendAll(all []notifier.Notice) {
	for _, n := range all {
		s.send(n)
	}
}

// keepTold waits, for a moment at most, until what people are told of the end of a watch is stored: once its picture says that it has ended,
// nobody looks into its journal for what was to be told.
func (a *actor) keepTold(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, keptPatience)
	defer cancel()
	a.opts.Tell.Kept(ctx)
}

// retold are the notices of a journal that is read after a restart, and may not have been sent before it: of the last hours all, and in any case how
// the watch ended if nobody has written that down.
type retold struct {
	since time.Time
	young []notifier.Notice
	end   []notifier.Notice
}

// add takes in an entry, with the watch before and after it.
func (r *retold) add(before, after Watch, e incident.Entry) {
	all := notices(before, after, []incident.Entry{e})
	if e.At.After(r.since) {
		r.young = append(r.young, all...)
		return
	}
	if e.State != nil && e.State.Final {
		r.end = all
	}
}

// Open returns the notices of the incidents that are open, as the watches tell it now.
func (s *Supervisor) Open() []notifier.Notice {
	all := s.matching(func(w *Watch) bool { return w.openIn(w.State) })
	slices.SortStableFunc(all, func(a, b Watch) int { return a.Since.Compare(b.Since) })
	var out []notifier.Notice
	for _, w := range all {
		if w.State.Final() && (time.Since(w.Since) > mostOpen || s.followed(w)) {
			continue
		}
		for _, n := range w.standing() {
			if s.opts.Link != nil {
				n.Link = s.opts.Link("incidents", n.Incident)
			}
			out = append(out, n)
		}
	}
	return out
}

// standing is what is to be told of an open incident as it stands: that it began, and what has come of it. What is only information does not take
// the place of the alarm: while a rollback is on its way, the alarm goes on.
func (w Watch) standing() []notifier.Notice {
	var out []notifier.Notice
	for _, s := range []State{Regressed, w.State} {
		e := incident.Entry{ID: noticeID("open", w.Key, string(s)), At: w.Since, State: &incident.StateChange{To: string(s), Reason: w.Reason, Final: s.Final()}}
		n := w.stateNotice(e)
		if n.Title == "" || len(out) > 0 && (s == Regressed || n.Severity == notifier.Info) {
			continue
		}
		out = append(out, w.about(e, n))
	}
	return w.asDrill(out)
}

// followed reports whether a newer release of the workload has gone live since the watch ended.
func (s *Supervisor) followed(w Watch) bool {
	return len(s.matching(func(o *Watch) bool {
		return o.Key != w.Key && o.sameWorkload(w) && o.Pin != nil && w.Pin != nil && o.Pin.T0.After(w.Pin.T0)
	})) > 0
}

// resolveEarlier tells that the incidents which earlier watches of the workload left open are over: another version serves in place of the one
// that they were about.
func (s *Supervisor) resolveEarlier(w Watch) {
	if w.Pin == nil {
		return
	}
	for _, old := range s.matching(func(o *Watch) bool {
		return o.Key != w.Key && o.State.Final() && o.sameWorkload(w) && o.openIn(o.State) && o.Pin != nil && o.Pin.T0.Before(w.Pin.T0) &&
			time.Since(o.Since) < resolvedFor
	}) {
		n := old.identify(notifier.Notice{
			ID: noticeID("resolved", old.Key), At: w.Since, Kind: notifier.KindResolved, Severity: notifier.Info,
			Title:  old.workload().String() + " is served by another version now, and its incident is closed",
			Action: "Version " + w.Event.Version + " took the place of " + old.Event.Version + " and is being watched.",
		})
		s.sendAll(old.asDrill([]notifier.Notice{n}))
	}
}
