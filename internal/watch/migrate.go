package watch

import (
	"context"
	"errors"
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"

	jobs "github.com/rollbackd/rollbackd/internal/job"
	"github.com/rollbackd/rollbackd/rollback"
)

// This file holds what carries a down-migration out. Every call is short, so that the watch goes on beside it; it is made again
// until the Job has ended.

// jobLook is how long one look waits for the Job to end, jobTimeout bounds all of it.
const (
	jobLook    = 3 * time.Second
	jobTimeout = 40 * time.Second
)

// migrate looks how far the Job is, and creates it if it never was there, may be, and what it is for still holds.
func (a *actor) migrate(ctx context.Context, mayCreate bool) (input, error) {
	if a.opts.Jobs == nil {
		return jobSeen{refused: "this daemon runs no Jobs"}, nil
	}
	j, err := jobOf(*a.watch.intent.Migration)
	if err != nil {
		return jobSeen{refused: err.Error()}, nil
	}
	status, err := a.opts.Jobs.Find(ctx, j, jobLook)
	switch {
	case err != nil:
		return seenOr(err)
	case status.State != jobs.Absent || a.watch.migration != nil:
		return jobSeen{status: status}, nil
	case a.longAgo(j):
		return jobSeen{status: status}, nil
	case !mayCreate:
		return notLanded{}, nil
	}
	if in, err := a.beforeMigrating(ctx); in != nil || err != nil {
		return in, err
	}
	if err := a.opts.Jobs.Create(ctx, j); err != nil {
		return seenOr(err)
	}
	return jobSeen{status: jobs.Status{State: jobs.Running}}, nil
}

// seenOr passes on what the API server has refused for good. After any other error it is asked again.
func seenOr(err error) (input, error) {
	var refused *jobs.Refused
	if errors.As(err, &refused) {
		return jobSeen{refused: jobs.Line(refused.Words, maxWhy)}, nil
	}
	return nil, err
}

// longAgo reports whether a Job that was created for the intent might have ended and been removed by now, so that its absence
// proves nothing.
func (a *actor) longAgo(j *batchv1.Job) bool {
	since := a.watch.intentAt
	if a.watch.State == Verifying {
		since = a.watch.restoredRollout
	}
	return time.Since(since) >= time.Duration(*j.Spec.TTLSecondsAfterFinished)*time.Second
}

// beforeMigrating looks once more whether the workload is as the intent expects it, for a Job cannot be fenced as a patch is.
func (a *actor) beforeMigrating(ctx context.Context) (input, error) {
	if a.watch.State == Verifying {
		snapshot, err := a.opts.read(ctx, a.watch)
		if err != nil {
			return nil, err
		}
		if _, changed := a.watch.changedAgain(snapshot); changed {
			return observed{snapshot: snapshot}, nil
		}
		return nil, nil
	}
	if a.watch.holdsDue() { // first, for who cannot be held must not be found out once the database is taken back
		return a.placeHolds(ctx)
	}
	again, err := a.plan(ctx)
	return stillToBeDone(again.refusal, err)
}

// stillToBeDone makes of a plan that was made again for an intent what follows where it was refused; nil if it was not.
func stillToBeDone(refusal *rollback.Refusal, err error) (input, error) {
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

// applyMigrated carries the intent out after the Job. That may have taken a while, in which a restart of the rollout changed the
// live template, which matters to nothing; so the plan is made again, and is fenced by what is live now.
func (a *actor) applyMigrated(ctx context.Context) (input, error) {
	found, err := a.checkLanded(ctx)
	if _, open := found.(notLanded); err != nil || !open {
		return found, err
	}
	again, err := a.plan(ctx)
	if in, err := stillToBeDone(again.refusal, err); in != nil || err != nil {
		return in, err
	}
	if was := a.watch.intent.Plan; again.plan.ToUID != was.ToUID {
		return nil, fmt.Errorf("the plan that was made again goes to %s and not to %s", again.plan.ToReplicaSet, was.ToReplicaSet)
	}
	result, detail, err := a.opts.Cluster.Apply(ctx, again.plan, a.watch.intent.ID)
	return applied{result: result, detail: detail}, err
}
