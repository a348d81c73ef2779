package watch

import (
	"context"
	"time"

	"github.com/rollbackd/rollbackd/internal/incident"
)

// begun reports whether the watch has got further than its acceptance, so that its journal cannot be empty.
func (w Watch) begun() bool { return w.State != Pending || w.Pin != nil }

const journalLost = "its journal was lost, and what is not recorded is not acted on; look at the service, and announce the release again, with another id, to have it watched"

// endLost ends a watch whose journal was deleted. What was seen, decided and done is gone: to start over would be to
// judge and act as if none of it had happened. The new journal gets that one entry, so that a crash cannot leave half
// of it, which would read as a watch that was just accepted.
func (a *actor) endLost(ctx context.Context, stored Watch) error {
	next, entries := lostJournal(stored, a.opts.actorName(), time.Now())
	a.last = 0
	if err := a.appendAll(ctx, entries); err != nil {
		return err
	}
	a.watch = next
	a.publish()
	a.committed(ctx, stored, entries)
	return nil
}

func lostJournal(w Watch, actor string, now time.Time) (Watch, []incident.Entry) {
	s := &step{watch: w, now: now, actor: actor}
	switch w.State {
	case Regressed, AwaitingApproval:
		s.become(Held, journalLost)
	case RollingBack:
		s.become(Failed, journalLost+"; whether the rollback landed shows only in the cluster")
	case Verifying:
		s.become(RolledBackUnverified, journalLost)
	default:
		s.become(Inconclusive, journalLost)
	}
	return s.watch, s.entries
}

// wasLost reports whether these are the entries of a journal that was deleted.
func wasLost(entries []incident.Entry) bool {
	return len(entries) == 0 || entries[0].Kind != incident.KindAccepted
}
