package watch

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rollbackd/rollbackd/internal/control"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/notifier"
)

// This file tells people what others were not told, or not yet.

// NoticeKeeper knows how notices stand.
type NoticeKeeper interface {
	// Waiting returns what is still to be told.
	Waiting() []notifier.Standing
	// Dead returns the dead letters.
	Dead(ctx context.Context) ([]notifier.Standing, error)
	// Retry has those dead letters tried once more that are wanted, and returns how many these are.
	Retry(ctx context.Context, wanted func(notifier.Standing) bool) (int, error)
}

// notices answers with a page of what is still to be told, and what never was.
func (s *Supervisor) notices(ctx context.Context, in control.Asked) control.Reply {
	if s.opts.Notices == nil {
		return control.Refuse(control.CodeState, "nobody is told anything here")
	}
	dead, err := s.opts.Notices.Dead(ctx)
	if err != nil {
		return control.Refuse(control.CodeBusy, "the dead letters cannot be read now: %v", err)
	}
	all := map[uint64]notifier.Standing{}
	for _, n := range append(s.opts.Notices.Waiting(), dead...) {
		if concerns(n, in) {
			all[placeOf(n)] = n
		}
	}
	page := page{until: time.Now().Add(readFor)}
	for _, place := range slices.Sorted(maps.Keys(all)) {
		if place <= in.After {
			continue
		}
		var line []byte
		if line, err = json.Marshal(all[place]); err == nil {
			err = page.add(place, line, true)
		}
		if err != nil {
			break
		}
	}
	return page.reply(err, "what is to be told")
}

// placeOf is where a notice to a sink stands among all that are listed. It goes by nothing that changes, so that a page follows the one before also when
// notices came and went in between: what was there all the time is listed once.
func placeOf(n notifier.Standing) uint64 {
	sum := sha256.Sum256([]byte(n.Sink + "\n" + n.ID))
	return binary.BigEndian.Uint64(sum[:])
}

// retryNotices has dead letters tried once more.
func (s *Supervisor) retryNotices(ctx context.Context, in control.Asked) control.Reply {
	if s.opts.Notices == nil {
		return control.Refuse(control.CodeState, "nobody is told anything here")
	}
	n, err := s.opts.Notices.Retry(ctx, func(n notifier.Standing) bool { return concerns(n, in) })
	switch {
	case err != nil:
		return control.Refuse(control.CodeBusy, "the dead letters cannot be read now: %v", err)
	case n == 0 && !in.All && slices.ContainsFunc(s.opts.Notices.Waiting(), func(n notifier.Standing) bool { return concerns(n, in) }):
		return control.Reply{OK: true, Message: "it is being tried already"} // as where the same was asked for before, and the answer was lost
	case n == 0 && !in.All:
		return control.Refuse(control.CodeUnknown, "there is no dead letter %s; rollbackctl notices lists them", event.Quote(in.Find))
	}
	return control.Reply{OK: true, Message: fmt.Sprintf("dead letters that are tried once more: %d", n)}
}

// concerns reports whether a notice is among those that a request is about.
func concerns(n notifier.Standing, in control.Asked) bool {
	namespace, workload, _ := strings.Cut(n.Workload, "/")
	t := in.Target
	switch {
	case n.Environment != "" && n.Environment != t.Environment,
		t.Namespace != control.AllNamespaces && (n.Environment == "" || namespace != t.Namespace),
		t.Workload != control.AllWorkloads && workload != t.Workload:
		return false
	}
	return in.Find == "" || in.Find == n.ID
}

// stillTold are entries which nobody stores: what of a watch is still being told, as this process knows it now.
func (o Options) stillTold(key string, now time.Time) []incident.Entry {
	if o.Notices == nil {
		return nil
	}
	var out []incident.Entry
	for _, n := range o.Notices.Waiting() {
		if n.Watch == key && n.State == notifier.Trying {
			out = append(out, incident.Entry{Version: incident.EntryVersion, At: now, Watch: key, Actor: o.actorName(), Kind: incident.KindTold, Told: &incident.Told{
				Notice: n.ID, Sink: n.Sink, Severity: string(n.Severity), Title: n.Title, Result: incident.ToldTrying, Detail: n.Error, Attempts: n.Attempts, At: now,
			}})
		}
	}
	return out
}
