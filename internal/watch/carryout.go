package watch

import (
	"context"
	"errors"
	"time"

	"github.com/rollbackd/rollbackd/rollback"
)

// This file holds what plans a rollback and carries its intent out.

func (a *actor) plan(ctx context.Context) (input, error) {
	plan, refusal, err := a.makePlan(ctx)
	return planned{plan: plan, refusal: refusal}, err
}

// makePlan plans the rollback from what is live.
func (a *actor) makePlan(ctx context.Context) (rollback.Plan, *rollback.Refusal, error) {
	snapshot, err := a.opts.Cluster.Read(ctx, a.watch.workload(), a.watch.blueGreen())
	if errors.Is(err, rollback.ErrNotFound) {
		return rollback.Plan{}, &rollback.Refusal{Code: rollback.RefuseWorkloadGone, Reason: "the workload was deleted"}, nil
	}
	if err != nil {
		return rollback.Plan{}, nil, err
	}
	if refusal := a.watch.podsRecovered(snapshot, time.Now()); refusal != nil {
		return rollback.Plan{}, refusal, nil
	}
	plan, refusal := rollback.MakePlan(*a.watch.Pin, snapshot, a.watch.failsMostly())
	return plan, refusal, nil
}

// apply carries the intent out.
func (a *actor) apply(ctx context.Context) (input, error) {
	if a.watch.intent.Plan.Switch != nil {
		if found, err := a.planStillHolds(ctx); found != nil || err != nil {
			return found, err
		}
	}
	result, detail, err := a.opts.Cluster.Apply(ctx, a.watch.intent.Plan, a.watch.intent.ID)
	return applied{result: result, detail: detail}, err
}

// planStillHolds makes the plan of a switch again from what is live; nil means that it holds. The patch of a Deployment
// brings its template with it and is fenced by the one that is live, but that of a Service only points at the old
// colour: while an intent waited, that may have been scaled down or given another version, and no precondition of the
// patch would tell. What has landed is found first, since a plan for what is done already would be refused.
func (a *actor) planStillHolds(ctx context.Context) (input, error) {
	found, err := a.checkLanded(ctx)
	if _, open := found.(notLanded); err != nil || !open {
		return found, err
	}
	_, refusal, err := a.makePlan(ctx)
	switch {
	case err != nil:
		return nil, err
	case refusal == nil:
		return nil, nil
	case refusal.Code == rollback.RefuseUnsettled:
		return nil, refusal // it passes by itself
	}
	return withdrawn{refusal: refusal}, nil
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
