package watch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/notifier"
	"github.com/rollbackd/rollbackd/rollback"
)

// This file holds what stops a rollout and lets it go on, and what people are told of it.

// planPause plans to stop the rollout, from what is live. A person who holds the workload has automatic action stop.
func (a *actor) planPause(ctx context.Context) (pausePlanned, error) {
	if a.opts.Pause == nil {
		return pausePlanned{refusal: &rollback.Refusal{Code: rollback.RefusePaused, Reason: "rollouts are not paused here"}}, nil
	}
	if r := a.overrule(a.watch); r != nil {
		return pausePlanned{refusal: r}, nil
	}
	if r := a.onHold(a.watch.Event.Target(), time.Now()); r != nil {
		return pausePlanned{refusal: r}, nil
	}
	snapshot, err := a.opts.read(ctx, a.watch)
	if errors.Is(err, rollback.ErrNotFound) {
		return pausePlanned{refusal: &rollback.Refusal{Code: rollback.RefuseWorkloadGone, Reason: "the workload was deleted"}}, nil
	}
	if err != nil {
		return pausePlanned{}, err
	}
	plan, refusal := rollback.MakePause(*a.watch.Pin, snapshot, rollback.PauseMark{})
	return pausePlanned{plan: plan, refusal: refusal}, nil
}

// pauseRollout stops the rollout. A process that was frozen since it journalled that must not do so when it wakes up.
func (a *actor) pauseRollout(ctx context.Context) (input, error) {
	p := a.watch.Pause
	if late := time.Since(p.At); late > intentTrusted {
		return nil, fmt.Errorf("it was to be paused %s ago", late)
	}
	result, detail, err := a.opts.Pause.Pause(ctx, p.plan)
	return pauseTried{result: result, detail: detail}, err
}

// resumeRollout lets the rollout go on. What fails is tried again for ever; people are told once it is overdue.
func (a *actor) resumeRollout(ctx context.Context) (pauseEnded, error) {
	mark := a.watch.Pause.Mark
	result, detail, err := a.opts.Pause.Resume(ctx, a.watch.workload(), mark)
	if err != nil && !a.toldStuck && ctx.Err() == nil && time.Now().After(mark.Until.Add(strayGrace)) {
		a.toldStuck = true
		a.send(a.watch.identify(notifier.Notice{
			ID: noticeID("stuck-pause", a.watch.Key, mark.ID), Kind: notifier.KindOther, At: time.Now(), Severity: notifier.Page,
			Title: a.watch.name() + ": the rollout is still paused, and cannot be resumed", Open: a.watch.openIn(a.watch.State),
			Next: fmt.Sprintf("Resume it by hand: kubectl -n %s rollout resume deployment/%s", a.watch.workload().Namespace, a.watch.workload().Name),
			Text: fmt.Sprintf("It was paused on suspicion until %s. It is tried again; to resume it by hand: kubectl -n %s rollout resume deployment/%s. The error is: %v",
				mark.Until.UTC().Format(time.RFC3339), a.watch.workload().Namespace, a.watch.workload().Name, err),
		}))
	}
	return pauseEnded{result: result, detail: detail}, err
}

// endPause lets the rollout of a watch that has ended go on; done means that it does.
func (a *actor) endPause(ctx context.Context) (done bool, err error) {
	if a.opts.Pause == nil || a.watch.whyResume(time.Now()) == "" {
		return false, nil
	}
	bounded, cancel := context.WithTimeout(ctx, effectTimeout)
	defer cancel()
	ended, failed := a.resumeRollout(bounded)
	if failed != nil {
		if ctx.Err() == nil {
			a.opts.Metrics.effectFailed(effectResume)
			a.log.Warn("a rollout could not be let go on; trying again", zap.Error(failed))
		}
		return false, nil
	}
	s := guardStep(a.watch, a.opts.actorName(), time.Now())
	s.pauseEnded(ended)
	return true, a.conclude(ctx, s)
}

// pauseNotice is what people are told of a pause: nothing before it is known to be in place, and nothing of one that never
// was.
func pauseNotice(e incident.Entry, before, after Watch) notifier.Notice {
	switch {
	case e.Kind == incident.KindPaused && e.Paused.Result == rollback.Landed:
		goesOn := fmt.Sprintf("It goes on when that has faded, and by %s at the latest.", after.Pause.Mark.Until.UTC().Format(time.RFC3339))
		return notifier.Notice{
			Kind: notifier.KindSuspect, Severity: notifier.Warn, Title: after.name() + " is suspected to be bad, and its rollout is paused",
			Text: suspicionOf(after) + ". " + goesOn, Action: "The rollout is paused. " + goesOn,
		}
	case e.Kind == incident.KindResumed && before.Pause != nil && before.Pause.Landed:
		return notifier.Notice{
			Kind: notifier.KindSuspect, Severity: notifier.Info, Title: "the rollout of " + after.name() + " goes on", Text: e.Resumed.Why + ": " + e.Resumed.Detail,
			Action: "The rollout goes on: " + e.Resumed.Why + ".",
		}
	}
	return notifier.Notice{}
}

// suspicionOf says what speaks against the release now.
func suspicionOf(w Watch) string {
	if why := suspected(w.judgement); why != "" {
		return why
	}
	return w.presentReason()
}
