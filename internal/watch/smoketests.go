package watch

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/internal/smoke"
)

// How many rounds of smoke tests run at the same time. What hangs holds one of them until its timeouts.
const (
	mostRounds = 64
	mostJobs   = 16
)

// smokeTests runs the smoke tests of all watches beside the scheduler, which takes what came of them into the ticks. Nothing
// of it is journalled but by these ticks: a process that is restarted begins with a new round.
type smokeTests struct {
	*Supervisor
	// slots bound the rounds that run at the same time, jobSlots those of them that are Jobs, which take minutes.
	slots, jobSlots chan struct{}

	mu   sync.Mutex
	runs map[smokeKey]*smokeRun
}

// smokeKey names the smoke test of one watch in one phase.
type smokeKey struct {
	watch, signal string
	phase         incident.Phase
}

// smokeRun is what is known of it.
type smokeRun struct {
	workload string
	running  bool
	// begun is when the newest round began, ended when it ended; before says that it was one of before the release.
	begun, ended time.Time
	before       bool
	// newest is the newest round with data, told when it ended.
	newest analyzer.SmokeRound
	told   time.Time
	// failing is when the first of the newest rounds in a row that failed began.
	failing time.Time
	// waiting are the rounds that no tick is known to have taken in. The first so many of them were given to the tick that ends
	// at givenTo, which may never have reached its watch.
	waiting []analyzer.SmokeRound
	given   int
	givenTo time.Time
}

func newSmokeTests(s *Supervisor) *smokeTests {
	return &smokeTests{Supervisor: s, slots: make(chan struct{}, mostRounds), jobSlots: make(chan struct{}, mostJobs), runs: map[smokeKey]*smokeRun{}}
}

// start starts the rounds that are due.
func (s *smokeTests) start(ctx context.Context, now time.Time, running *sync.WaitGroup) {
	open := map[string]bool{}
	for _, a := range s.open() {
		w := a.view.Load()
		open[w.Key] = true
		for _, sig := range w.Policy.Signals {
			if sig.Kind == analyzer.KindSmoke && s.canRun(sig) {
				s.startOne(ctx, *w, sig, now, running)
			}
		}
	}
	s.forget(open)
}

// smokePhase is what a round would be about now; before says that the release does not serve yet, or not alone.
func (w Watch) smokePhase() (phase incident.Phase, before, ok bool) {
	switch w.State {
	case Pending:
		return incident.PhaseWatch, true, w.Unwatched == ""
	case Watching, Regressed, AwaitingApproval, RollingBack:
		return incident.PhaseWatch, w.CompletedAt.IsZero(), w.Pin != nil
	case Verifying:
		return incident.PhaseVerify, false, !w.restoredRollout.IsZero()
	}
	return "", false, false
}

func (s *smokeTests) startOne(ctx context.Context, w Watch, sig analyzer.Signal, now time.Time, running *sync.WaitGroup) {
	phase, before, ok := w.smokePhase()
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := smokeKey{watch: w.Key, signal: sig.Name, phase: phase}
	run := s.runs[key]
	if run == nil {
		run = &smokeRun{workload: w.workload().String()}
		s.runs[key] = run
	}
	if !run.due(before, now, sig.Smoke.Every) {
		return
	}
	slots := s.slots
	if sig.Smoke.Job != nil {
		slots = s.jobSlots
	}
	select {
	case slots <- struct{}{}:
	default:
		return // in a moment
	}
	run.running, run.begun, run.before = true, now, before
	alone := before && s.oldServesAlone(w, now)
	running.Go(func() {
		defer func() { <-slots }()
		round := s.round(ctx, w, sig, phase, now, before)
		// A Job may take long enough for the release to begin to serve meanwhile.
		if latest, ok := s.Get(key.watch); ok && alone {
			alone = s.oldServesAlone(latest, time.Now())
		}
		s.ended(ctx, run, round, alone)
	})
}

// due reports whether a round is to begin: one before the release, and from the end of its rollout on one after another.
func (r *smokeRun) due(before bool, now time.Time, every time.Duration) bool {
	switch {
	case r.running:
		return false
	case r.begun.IsZero(), r.before && !before:
		return true
	}
	return !before && now.Sub(r.begun) >= every
}

// oldServesAlone reports whether no pod of the release is ready yet, so that what fails is not its doing.
func (s *smokeTests) oldServesAlone(w Watch, now time.Time) bool {
	snapshot, ok := s.opts.cached(w)
	switch {
	case !ok || w.blueGreen() != nil: // a switch is announced when it is over
		return false
	case w.Pin != nil:
		return w.rollout(snapshot, now).Release.Ready == 0
	}
	return snapshot.Live != nil && snapshot.Live.Ready == 0
}

// smokeNames are what the placeholders stand for.
func (w Watch) smokeNames(phase incident.Phase) smoke.Names {
	n := smoke.Names{Namespace: w.Event.Namespace, Workload: w.Event.Workload, Version: w.Event.Version}
	if phase == incident.PhaseVerify && w.intent != nil && w.intent.Plan.ToVersion != "" {
		n.Version = w.intent.Plan.ToVersion
	}
	return n
}

// ended keeps what came of a round for the next tick. A failure from before the release counts only where the old version served
// alone.
func (s *smokeTests) ended(ctx context.Context, run *smokeRun, round analyzer.SmokeRound, alone bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	run.running, run.ended = false, time.Now()
	if ctx.Err() != nil {
		return // it was broken off
	}
	round.At, round.Before = run.begun.UTC(), run.before
	if round.N > 0 { // else it says nothing of anybody
		run.newest, run.told = round, run.ended
	}
	switch {
	case round.N == 0:
	case round.K == 0:
		run.failing = time.Time{}
	case run.failing.IsZero():
		run.failing = run.begun
	}
	if run.before && round.K > 0 && !alone {
		return
	}
	round.OthersPassed, round.OthersFailed = s.others(run)
	run.waiting = append(run.waiting, round)
}

// others counts the other workloads whose newest round passed and failed since this one began to fail. What came before says
// nothing of what goes on now.
func (s *smokeTests) others(mine *smokeRun) (passed, failed int) {
	well := map[string]bool{}
	for _, run := range s.runs {
		if run.workload == mine.workload || run.told.IsZero() || mine.failing.IsZero() || run.told.Before(mine.failing) {
			continue
		}
		known, seen := well[run.workload]
		well[run.workload] = run.newest.K == 0 && (known || !seen)
	}
	for _, ok := range well {
		if ok {
			passed++
		} else {
			failed++
		}
	}
	return passed, failed
}

// addRounds puts the rounds that ended into the newest tick of a job. They wait on until the watch is seen to have taken in that
// tick, or a later one: a tick that is not delivered, or whose watch starts over from its journal, is measured again.
func (s *smokeTests) addRounds(j job, ticks []analyzer.Tick) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sig := range j.watch.Policy.Signals {
		run := s.runs[smokeKey{watch: j.watch.Key, signal: sig.Name, phase: j.phase}]
		if run == nil {
			continue
		}
		run.settle(j.lastTick())
		if newest := ticks[len(ticks)-1]; len(run.waiting) > 0 {
			newest.Signals[sig.Name] = analyzer.Measurement{Smoke: slices.Clone(run.waiting)}
			run.given, run.givenTo = len(run.waiting), newest.At
		}
	}
}

// settle drops the rounds that were given to a tick which the watch has taken in by now.
func (r *smokeRun) settle(last time.Time) {
	if r.given > 0 && !last.Before(r.givenTo) {
		r.waiting = r.waiting[r.given:]
	}
	r.given, r.givenTo = 0, time.Time{}
}

// lastTick is the newest tick that the watch of a job has taken in.
func (j job) lastTick() time.Time {
	if j.phase == incident.PhaseVerify {
		return j.watch.lastVerify
	}
	return j.watch.lastTick
}

// forget drops what belongs to watches that are over.
func (s *smokeTests) forget(open map[string]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, run := range s.runs {
		if !open[key.watch] && !run.running {
			delete(s.runs, key)
		}
	}
}
