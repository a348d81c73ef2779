package watch

import (
	"context"
	"errors"
	"time"

	"github.com/rollbackd/rollbackd/rollback"
)

// This file holds what plans a rollback and carries its intent out.

// plan plans the rollback from what is live.
func (a *actor) plan(ctx context.Context) (planned, error) {
	snapshot, err := a.opts.read(ctx, a.watch)
	if errors.Is(err, rollback.ErrNotFound) {
		return planned{refusal: &rollback.Refusal{Code: rollback.RefuseWorkloadGone, Reason: "the workload was deleted"}}, nil
	}
	if err != nil {
		return planned{}, err
	}
	if refusal := a.unwanted(snapshot, time.Now()); refusal != nil {
		return planned{refusal: refusal}, nil
	}
	pin, in := a.watch.destination(snapshot)
	if in.refusal != nil {
		return in, nil
	}
	if snapshot, err = a.opts.Cluster.Inspect(ctx, pin, snapshot); err != nil {
		return planned{}, err
	}
	in.plan, in.refusal = rollback.MakePlan(pin, snapshot, a.watch.failsMostly())
	if in.refusal == nil {
		if in.plan, in.refusal, err = a.mindOwners(ctx, a.watch, in.plan, snapshot); err != nil {
			return planned{}, err
		}
	}
	return a.guarded(a.watch.scaledUpFirst(in, pin, snapshot), snapshot, time.Now()), nil
}

// destination is where a rollback leads: to the known-good version, or to the one that a person named.
func (w Watch) destination(snapshot rollback.Snapshot) (rollback.Pin, planned) {
	leave := w.leave()
	if leave == nil || leave.Revision == "" {
		return *w.Pin, planned{}
	}
	named, refusal := rollback.RetargetTo(*w.Pin, snapshot, leave.Revision)
	if refusal != nil {
		return rollback.Pin{}, planned{refusal: refusal}
	}
	return named, planned{pin: &named}
}

// unwanted returns why a rollback that nobody asked for is not to be made now. A person's word overrules it, and an intent
// that is journalled has been through it.
func (a *actor) unwanted(snapshot rollback.Snapshot, now time.Time) *rollback.Refusal {
	w := a.watch
	if w.ordered == nil && !w.migrated() {
		if r := w.podsRecovered(snapshot, now); r != nil {
			return r
		}
	}
	if w.leave() != nil || w.State == RollingBack {
		return nil
	}
	if r := a.onHold(w.Event.Target(), now); r != nil {
		return r
	}
	return a.inFreeze(w, now)
}

// apply carries the intent out.
func (a *actor) apply(ctx context.Context) (input, error) {
	if a.watch.migrated() {
		return a.applyMigrated(ctx)
	}
	if a.watch.intent.Plan.Switch != nil || a.watch.scaledToZero() {
		if found, err := a.planStillHolds(ctx); found != nil || err != nil {
			return found, err
		}
	}
	if a.watch.holdsDue() {
		return a.placeHolds(ctx)
	}
	result, detail, err := a.opts.Cluster.Apply(ctx, a.watch.intent.Plan, a.watch.intent.ID)
	return applied{result: result, detail: detail}, err
}

// planStillHolds makes the plan of a switch, or of a canary's scale down, again from what is live; nil means that it holds. An
// undo brings its template with it and is fenced by the one that is live, but the other two only lead to pods that are
// elsewhere: while an intent waited, that may have been scaled down or given another version, and no precondition of the
// patch would tell. What has landed is found first, since a plan for what is done already would be refused.
func (a *actor) planStillHolds(ctx context.Context) (input, error) {
	found, err := a.checkLanded(ctx)
	if _, open := found.(notLanded); err != nil || !open {
		return found, err
	}
	again, err := a.plan(ctx)
	return stillToBeDone(again.refusal, err)
}

func (a *actor) checkLanded(ctx context.Context) (input, error) {
	landed, err := a.opts.Cluster.Landed(ctx, a.watch.intent.Plan, a.watch.intent.ID)
	if errors.Is(err, rollback.ErrNotFound) {
		return applied{result: rollback.Failed, detail: "the workload was deleted while it was being rolled back"}, nil
	}
	if err != nil {
		return nil, err
	}
	if landed {
		return applied{result: rollback.Landed, detail: "found in the cluster after an interruption"}, nil
	}
	return notLanded{}, nil
}
