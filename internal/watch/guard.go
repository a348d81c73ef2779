package watch

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/notifier"
	"github.com/rollbackd/rollbackd/rollback"
)

// This file looks after watches that have ended in a rollback: whether the release comes back, for a while, and until
// the next deployment that those are let go who were kept from bringing it back. It looks at the cache when that changes
// and asks the API server nothing, unless the cache shows the release.

const (
	// guardPause is how long an undisturbed guard sleeps; it is woken by changes of the cluster and by new events.
	guardPause = 15 * time.Second
	// mostGuardPause bounds the pause before a hold is undone that could not be.
	mostGuardPause = 2 * time.Minute
)

// keepGuard guards an ended watch for as long as there is something to guard.
func (s *Supervisor) keepGuard(ctx context.Context, a *actor) {
	for a.watch.guarded(time.Now()) && ctx.Err() == nil {
		err := a.guard(ctx)
		if err == nil || ctx.Err() != nil {
			continue
		}
		a.last = 0 // whoever wrote the journal meanwhile is read
		a.log.Error("guarding a rollback stumbled and starts over from the journal", zap.Error(err), zap.Duration("in", maxPause))
		sleep(ctx, maxPause)
	}
	if ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.guards, a.watch.Key)
	s.forget(a.watch)
}

// guard looks after the watch until nothing is left to.
func (a *actor) guard(ctx context.Context) error {
	if a.last == 0 {
		if err := a.refold(ctx); err != nil {
			return err
		}
	}
	if a.watch.holdOpen() && a.watch.intent == nil {
		a.giveUpHold(ctx)
	}
	var failingSince time.Time
	pause := minPause
	for a.watch.guarded(time.Now()) {
		if err := a.lookBack(ctx); err != nil {
			return err
		}
		wait := guardPause
		if a.watch.holdOpen() && (a.watch.LandedAt.IsZero() || a.nextDeployment(a.watch)) {
			done, err := a.tryLetGo(ctx, &failingSince)
			if err != nil {
				return err
			}
			if !done {
				wait, pause = pause, min(2*pause, mostGuardPause)
			}
		}
		if a.watch.Pause.open() {
			done, err := a.endPause(ctx)
			if err != nil {
				return err
			}
			if !done {
				wait, pause = min(wait, pause), min(2*pause, mostGuardPause)
			}
		}
		if !a.guardWait(ctx, wait, failingSince.IsZero() && !a.watch.Pause.open()) {
			return ctx.Err()
		}
	}
	return nil
}

// guardWait waits for a change, where one may end the wait, or for the time; false means that ctx has ended.
func (a *actor) guardWait(ctx context.Context, d time.Duration, heeds bool) bool {
	if !a.watch.guarded(time.Now()) {
		return true
	}
	if until := time.Until(a.watch.Since.Add(a.watch.Policy.Verify.GuardFor)); until > 0 {
		d = min(d, until)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	changed := a.changed
	if !heeds {
		changed = nil
	}
	select {
	case <-changed:
	case <-timer.C:
	case <-ctx.Done():
		return false
	}
	return true
}

// lookBack looks whether the release is back. The cache may lag, so what it shows is looked at live before it is believed;
// that also tells who wrote it.
func (a *actor) lookBack(ctx context.Context) error {
	if !a.watch.looksBack(time.Now()) {
		return nil
	}
	snapshot, ok := a.opts.cached(a.watch)
	if !ok || !a.watch.Pin.CameBack(snapshot) {
		return nil
	}
	bounded, cancel := context.WithTimeout(ctx, effectTimeout)
	defer cancel()
	snapshot, err := a.opts.read(bounded, a.watch)
	if err != nil {
		var tell bool
		a.reads, tell = a.reads.failed(effectObserve, err, time.Now())
		a.log.Log(worthWarning(tell), "could not read whether a version that was rolled back is there again", zap.Error(err))
		return nil
	}
	a.reads = retry{}
	s := guardStep(a.watch, a.opts.actorName(), time.Now())
	s.seen(snapshot)
	return a.conclude(ctx, s)
}

// tryLetGo undoes the holds; done means that they are undone. What fails is tried again, and told after a while.
func (a *actor) tryLetGo(ctx context.Context, failingSince *time.Time) (done bool, err error) {
	bounded, cancel := context.WithTimeout(ctx, effectTimeout)
	defer cancel()
	detail, failed := a.letGo(bounded)
	s := guardStep(a.watch, a.opts.actorName(), time.Now())
	switch {
	case failed == nil:
		*failingSince = time.Time{}
		s.addHold(incident.HoldReleased, detail)
	case ctx.Err() != nil:
		return false, nil
	default:
		if failingSince.IsZero() {
			*failingSince = time.Now()
		}
		var tell bool
		a.effects, tell = a.effects.failed(effectNone, failed, time.Now())
		a.log.Log(worthWarning(tell), "a hold could not be undone; trying again", zap.Error(failed))
		s.notLetGo(*failingSince, failed.Error())
	}
	return failed == nil, a.conclude(ctx, s)
}

// conclude stores what a step of the guard came to, and shows it.
func (a *actor) conclude(ctx context.Context, s *step) error {
	if len(s.entries) == 0 {
		return nil
	}
	before := a.watch
	if err := a.appendAll(ctx, s.entries); err != nil {
		return err
	}
	a.watch = s.watch
	a.publish()
	a.committed(ctx, before, s.entries)
	a.mu.Lock()
	a.ended[a.watch.Key] = a.watch.epitome()
	a.mu.Unlock()
	return nil
}

// refold reads the journal of an ended watch. If that was deleted, the watch is left as the store has it.
func (a *actor) refold(ctx context.Context) error {
	w, last := a.watch.accepted(), uint64(0)
	again := retold{since: time.Now().Add(-retellFor)}
	err := a.opts.Journal.Read(ctx, w.Key, func(seq uint64, data []byte) error {
		var e incident.Entry
		if err := json.Unmarshal(data, &e); err != nil {
			return fmt.Errorf("journal entry %d: %w", seq, err)
		}
		before := w
		w, last = w.apply(e), seq
		again.add(before, w, e)
		return nil
	})
	if err != nil {
		return err
	}
	if last == 0 || !w.State.Final() { // what the store tells of it is all that there is
		return nil
	}
	if w.intent == nil {
		w.OwnerHold = a.watch.OwnerHold
	}
	w.resumed, w.Rendered = time.Now(), a.watch.Rendered
	a.watch, a.last = w, last
	a.publish()
	a.sendAll(again.young)
	return nil
}

// giveUpHold pages for a hold that only a person can undo, because the journal that told what it is was lost.
func (a *actor) giveUpHold(ctx context.Context) {
	a.log.Error("a hold cannot be undone", zap.Error(errNoIntent))
	a.send(a.watch.identify(notifier.Notice{
		ID: noticeID("hold-given-up", a.watch.Key), Kind: notifier.KindOther, At: time.Now(), Severity: notifier.Page,
		Title: a.watch.name() + ": a GitOps tool is still held off", Text: errNoIntent.Error(), Next: "Let it go by hand: " + errNoIntent.Error(),
		Open: a.watch.openIn(a.watch.State),
	}))
	a.watch.OwnerHold = ""
	a.publish()
	a.save(ctx)
}

// forget ends the interest in the workload of a watch, unless another one has it. The caller holds the lock.
func (s *Supervisor) forget(w Watch) {
	for _, others := range []map[string]*actor{s.actors, s.guards} {
		for _, other := range others {
			if other.view.Load().workload() == w.workload() {
				return
			}
		}
	}
	s.opts.Cache.Forget(w.workload())
}

// pokeGuards wakes the guards of a workload; the caller holds the lock.
func (s *Supervisor) pokeGuards(w rollback.Workload) {
	for _, a := range s.guards {
		if a.view.Load().workload() == w {
			a.poke()
		}
	}
}
