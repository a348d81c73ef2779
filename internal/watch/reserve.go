package watch

import (
	"sync"
	"time"

	"github.com/rollbackd/rollbackd/rollback"
)

// reservations are the automatic rollbacks whose intents are about to be journalled, by watch. Watches decide side by side,
// and without them several could find room for one.
type reservations struct {
	mu   sync.Mutex
	held map[string]act
}

// reserve takes the room for an automatic rollback by a watch out of the budgets, or returns why there is none, or why it may
// not be now. It is held until giveBack.
func (s *Supervisor) reserve(w Watch, now time.Time) *rollback.Refusal {
	s.reserved.mu.Lock()
	defer s.reserved.mu.Unlock()
	if r := s.tooMany(w, s.acts(), now); r != nil {
		return r
	}
	if !w.Event.Drill {
		s.reserved.held[w.Key] = w.intended()
	}
	return nil
}

// unreadFor is how long a watch that was read back from its journal waits for the others that are not yet.
const unreadFor = time.Minute

// uncounted returns why the acts cannot be counted yet: after a start, the stored picture of a watch may be older than its journal, where
// a rollback was begun that the picture does not show. A journal that cannot be read holds nobody up for longer than a minute.
func (s *Supervisor) uncounted(w Watch, now time.Time) *rollback.Refusal {
	if now.Sub(w.resumed) >= unreadFor {
		return nil
	}
	for _, a := range s.open() {
		if o := a.view.Load(); o.Key != w.Key && o.resumed.IsZero() && o.begun() && !o.State.Final() {
			return &rollback.Refusal{Code: rollback.RefuseUnsettled, Reason: "the journal of " + o.name() + " has not been read yet, which may have a rollback that counts"}
		}
	}
	return nil
}

// room returns why there is no room for an automatic rollback by a watch, or why it may not be now.
func (s *Supervisor) room(w Watch, now time.Time) *rollback.Refusal {
	s.reserved.mu.Lock()
	defer s.reserved.mu.Unlock()
	return s.tooMany(w, s.acts(), now)
}

// budgetSpent is room without the cool-down.
func (s *Supervisor) budgetSpent(w Watch, now time.Time) *rollback.Refusal {
	s.reserved.mu.Lock()
	defer s.reserved.mu.Unlock()
	return s.budgetsOf(w.Policy).spent(s.acts(), w.intended(), now)
}

// giveBack ends a reservation. It must come after the watch shows the intent that was journalled, if one was.
func (s *Supervisor) giveBack(key string) {
	s.reserved.mu.Lock()
	defer s.reserved.mu.Unlock()
	delete(s.reserved.held, key)
}

// tooMany returns why one more automatic rollback is one too many.
func (s *Supervisor) tooMany(w Watch, acts []act, now time.Time) *rollback.Refusal {
	next := w.intended()
	if r := coolingDown(w.Policy.CoolDown, acts, next, now); r != nil {
		return r
	}
	return s.budgetsOf(w.Policy).spent(acts, next, now)
}

// budgetsOf are the policy's, but for the cluster's, which is the daemon's own.
func (s *Supervisor) budgetsOf(p Policy) Budgets {
	b := Budgets{Workload: p.Budgets.Workload, Namespace: p.Budgets.Namespace, Cluster: s.rules().Budgets.Cluster}
	return b.or(s.rules().Budgets).or(DefaultBudgets())
}

// acts returns the rollbacks that were made or are under way, of each watch one; the caller holds the lock of the
// reservations. Those of drills are left out: they were asked for, and use up nothing of what there is for other releases.
func (s *Supervisor) acts() []act {
	var out []act
	reserved := make(map[string]act, len(s.reserved.held))
	for key, a := range s.reserved.held {
		reserved[key] = a
	}
	add := func(w *Watch) {
		if a, ok := w.act(); ok && !w.Event.Drill {
			delete(reserved, w.Key)
			out = append(out, a)
		}
	}
	s.mu.RLock()
	for _, a := range s.actors {
		add(a.view.Load())
	}
	for _, w := range s.ended {
		add(&w)
	}
	s.mu.RUnlock()
	for _, a := range reserved {
		out = append(out, a)
	}
	return out
}
