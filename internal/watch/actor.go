package watch

import (
	"context"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// The pace of an actor.
const (
	// effectTimeout bounds one effect; a baseline is several queries over long spans, and nothing waits for it.
	effectTimeout   = 15 * time.Second
	baselineTimeout = 2 * time.Minute
	// saveTimeout bounds the writing of a picture, which is not worth a delay.
	saveTimeout = 2 * time.Second
	// minPause and maxPause bound the pause before an effect is tried again.
	minPause = time.Second
	maxPause = 15 * time.Second
	// mailboxSize is how many inputs may wait for an actor; senders never wait for more.
	mailboxSize = 16
)

// actor carries one watch: it feeds inputs to Next, appends what follows, and performs the effect wanted. Effects
// are performed one at a time, so that nothing of one watch ever overlaps.
type actor struct {
	*Supervisor
	mailbox chan input
	changed chan struct{}
	// view is the newest state of the watch, for everybody else to read.
	view atomic.Pointer[Watch]
	// measuring is set while ticks of this watch are being sampled or wait in the mailbox.
	measuring atomic.Bool
	// sighted is the end of the newest tick in which this process found everything that the watch is judged by; zero before the first.
	sighted atomic.Pointer[time.Time]

	watch Watch
	last  uint64
	// fenced is set once another process was found to write the same journal, mine is the newest intent that this
	// one has journalled: whoever's intent was appended may patch, no one else.
	fenced bool
	mine   string
	// effects is when the wanted effect is tried again after a failure, reads when the workload is looked at again beside it.
	effects, reads retry
	// toldStuck is set once people were told that the rollout could not be let go on.
	toldStuck bool
	// missing and refused are since when the API server has been saying that there is no such workload, or that it may
	// not be read.
	missing, refused time.Time
	log              *zap.Logger
}

func newActor(s *Supervisor, w Watch) *actor {
	a := &actor{
		Supervisor: s, watch: w,
		mailbox: make(chan input, mailboxSize), changed: make(chan struct{}, 1),
		log: s.opts.Log.With(zap.String("watch", w.Key), zap.String("namespace", w.Event.Namespace), zap.String("workload", w.Event.Workload)),
	}
	a.publish()
	return a
}

func (a *actor) publish() { w := a.watch; a.view.Store(&w) }

// post hands an input over without ever blocking; false means that the mailbox is full.
func (a *actor) post(in input) bool {
	select {
	case a.mailbox <- in:
		return true
	default:
		return false
	}
}

// poke says that the cluster changed; pokes that come while one is waiting are one.
func (a *actor) poke() {
	select {
	case a.changed <- struct{}{}:
	default:
	}
}

// run carries the watch to its end, to the end of ctx, or to an error that only a restart of the actor can mend.
func (a *actor) run(ctx context.Context) error {
	var err error
	if aside(func() { err = a.restore(ctx) }); err != nil {
		return err
	}
	var in input = clock{}
	for {
		var next input
		if aside(func() { next, err = a.turn(ctx, in) }); err != nil {
			return err
		}
		if a.watch.State.Final() {
			return a.finish(ctx)
		}
		if next == nil {
			if next, err = a.wait(ctx); err != nil {
				return err
			}
		}
		in = next
	}
}

// turn takes one input and performs the effect that is wanted then. It returns the input that came of it, or nil if
// nothing is to be done before something else happens.
func (a *actor) turn(ctx context.Context, in input) (input, error) {
	want, progressed, err := a.take(ctx, in)
	if err != nil || a.watch.State.Final() {
		return nil, err
	}
	if want == effectNone || !a.effects.due(want, in, progressed, time.Now()) || a.yields() {
		return nil, nil
	}
	return a.attempt(ctx, want), nil
}

// yields reports whether a fresh intent is another process's to carry out. If that process has died, the intent is
// looked up and judged anew when that one would no longer trust it either; a look before that may miss its patch.
func (a *actor) yields() bool {
	return a.fenced && a.watch.State == RollingBack && a.watch.intent.ID != a.mine && time.Since(a.watch.intentAt) <= intentTrusted
}

// attempt performs an effect; nil means that it failed and is to be tried again later. A patch that failed may have
// landed all the same, and the watch must know.
func (a *actor) attempt(ctx context.Context, want effect) input {
	bounded, cancel := context.WithTimeout(ctx, timeoutOf(want))
	defer cancel()
	result, err := a.perform(bounded, want)
	if err != nil {
		var tell bool
		a.effects, tell = a.effects.failed(want, err, time.Now())
		a.watch.hindrance = err.Error()
		if ctx.Err() == nil {
			a.opts.Metrics.effectFailed(want)
			a.log.Log(worthWarning(tell), "could not "+string(want)+"; trying again", zap.Error(err), zap.Duration("in", a.effects.pause))
		}
		switch want {
		case effectApply:
			return unsure{}
		case effectResume:
			return pauseStuck{}
		}
		return nil
	}
	a.effects = retry{at: time.Now().Add(minPause)}
	if want != effectCheckLanded { // which is a look between two tries
		a.watch.hindrance = ""
	}
	return result
}

func timeoutOf(e effect) time.Duration {
	switch e {
	case effectBaseline:
		return baselineTimeout
	case effectMigrate, effectFindMigration:
		return jobTimeout
	}
	return effectTimeout
}

// wait blocks until there is something to look at: an input, a change in the cluster, or the time.
func (a *actor) wait(ctx context.Context) (input, error) {
	timer := time.NewTimer(a.nextLook())
	defer timer.Stop()
	select {
	case in := <-a.mailbox:
		return in, nil
	case <-a.changed:
	case <-timer.C:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	var seen input
	aside(func() { seen = a.look(ctx) })
	return seen, nil
}

// nextLook is how long an undisturbed actor sleeps. Watching is driven by ticks and changes, the rest by deadlines.
func (a *actor) nextLook() time.Duration {
	if a.watch.State == Watching && len(a.watch.Baselines) > 0 && !a.watch.Pause.open() {
		return maxPause
	}
	return minPause
}

// look returns how the cluster shows the workload, or, where it does not, the mere passing of time.
func (a *actor) look(ctx context.Context) input {
	// The same version announced again, while a rollback of it is checked, is looked at first: it may have come back.
	if newer, ok := a.newerThan(a.watch); ok && (a.watch.State != Verifying || newer.Version != a.watch.Event.Version) {
		return superseded{by: newer}
	}
	if a.watch.State == Pending || a.watch.State == RollingBack {
		return clock{} // these ask the API server themselves
	}
	if a.reads.rests(time.Now()) && !a.cacheSuffices() {
		return clock{}
	}
	in, err := a.observe(ctx)
	if err != nil {
		var tell bool
		a.reads, tell = a.reads.failed(effectObserve, err, time.Now())
		a.log.Log(worthWarning(tell), "could not read the workload", zap.Error(err))
		a.watch.blind = err.Error()
		return clock{}
	}
	a.reads, a.watch.blind = retry{}, ""
	return in
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
