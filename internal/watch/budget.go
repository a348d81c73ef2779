package watch

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/rollbackd/rollbackd/rollback"
)

// This file holds how many rollbacks may be made without a person. All of it is pure.

// Budget bounds the automatic rollbacks of any span of a length. The zero value means the default.
type Budget struct {
	Rollbacks int           `json:"rollbacks"`
	Within    time.Duration `json:"within"`
}

// Budgets are those that every automatic rollback must fit into: of what it changes, of its namespace, and of everything that
// the daemon does.
type Budgets struct {
	Workload  Budget `json:"workload,omitzero"`
	Namespace Budget `json:"namespace,omitzero"`
	Cluster   Budget `json:"cluster,omitzero"`
}

// DefaultBudgets are well above what single bad releases come to, and well below what a broken metric would.
func DefaultBudgets() Budgets {
	return Budgets{
		Workload:  Budget{Rollbacks: 3, Within: 24 * time.Hour},
		Namespace: Budget{Rollbacks: 5, Within: time.Hour},
		Cluster:   Budget{Rollbacks: 10, Within: time.Hour},
	}
}

// or fills in what is not set.
func (b Budgets) or(fallback Budgets) Budgets {
	return Budgets{
		Workload: cmp.Or(b.Workload, fallback.Workload), Namespace: cmp.Or(b.Namespace, fallback.Namespace), Cluster: cmp.Or(b.Cluster, fallback.Cluster),
	}
}

// act is a rollback that is under way or has landed.
type act struct {
	// watch is the key of the watch that made it.
	watch     string
	namespace string
	// changes names what it changes: a Deployment, or the Service of a switch, of which both colours are one.
	changes string
	// landed is when it landed; zero while it is under way.
	landed time.Time
	// byPerson says that a person ordered or approved it.
	byPerson bool
}

// act returns the rollback that the watch has made or is making, if there is one. A watch that has not been taken up from
// its journal yet may have begun one that its picture does not show.
func (w Watch) act() (act, bool) {
	open := w.State == RollingBack || w.State == Regressed && w.resumed.IsZero()
	if !open && w.LandedAt.IsZero() {
		return act{}, false
	}
	a := w.intended()
	a.landed, a.byPerson = w.LandedAt, w.ByPerson
	return a, true
}

// intended is the rollback that the watch would make.
func (w Watch) intended() act {
	a := act{watch: w.Key, namespace: w.Event.Namespace, changes: "Deployment " + w.workload().String()}
	if w.Event.Service != "" {
		a.changes = "Service " + w.Event.Namespace + "/" + w.Event.Service
	}
	return a
}

// counts reports whether the act is one of those that a budget counts at a time.
func (a act) counts(b Budget, now time.Time) bool {
	return !a.byPerson && (a.landed.IsZero() || now.Sub(a.landed) < b.Within)
}

// spent returns why another automatic rollback does not fit into the budgets, the narrowest first; nil if it does.
func (b Budgets) spent(acts []act, next act, now time.Time) *rollback.Refusal {
	for _, limit := range []struct {
		of   string
		b    Budget
		same func(act) bool
	}{
		{next.changes, b.Workload, func(a act) bool { return a.changes == next.changes }},
		{"namespace " + next.namespace, b.Namespace, func(a act) bool { return a.namespace == next.namespace }},
		{"the cluster", b.Cluster, func(act) bool { return true }},
	} {
		if r := limit.b.spent(limit.of, slices.DeleteFunc(slices.Clone(acts), func(a act) bool {
			return a.watch == next.watch || !limit.same(a) || !a.counts(limit.b, now)
		}), now); r != nil {
			return r
		}
	}
	return nil
}

// spent returns the refusal if so many acts, all of which count, leave no room for another one.
func (b Budget) spent(of string, acts []act, now time.Time) *rollback.Refusal {
	if len(acts) < b.Rollbacks {
		return nil
	}
	landings := make([]time.Time, len(acts))
	for i, a := range acts {
		landings[i] = a.landed
		if a.landed.IsZero() { // it is under way, and has yet to land
			landings[i] = now
		}
	}
	slices.SortFunc(landings, time.Time.Compare)
	room := landings[len(landings)-b.Rollbacks].Add(b.Within)
	return &rollback.Refusal{Code: rollback.RefuseBudget, Reason: fmt.Sprintf(
		"the budget of %s is spent: %d automatic rollbacks since %s, of at most %d within %s; there is room again at %s",
		of, len(acts), clockTime(landings[0]), b.Rollbacks, b.Within, clockTime(room))}
}

// coolingDown returns why an automatic rollback comes too soon after the last one of the same workload, whoever let that one
// happen; nil if it does not.
func coolingDown(d time.Duration, acts []act, next act, now time.Time) *rollback.Refusal {
	var last time.Time
	for _, a := range acts {
		if a.watch == next.watch || a.changes != next.changes {
			continue
		}
		landed := a.landed
		if landed.IsZero() {
			landed = now
		}
		if landed.After(last) {
			last = landed
		}
	}
	if last.IsZero() || now.Sub(last) >= d {
		return nil
	}
	return &rollback.Refusal{Code: rollback.RefuseCoolDown, Reason: fmt.Sprintf(
		"%s was rolled back only a short time ago, at %s; the next one without a person may be at %s", next.changes, clockTime(last), clockTime(last.Add(d)))}
}

func clockTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }
