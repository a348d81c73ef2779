package watch

import (
	"context"
	"sync"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/internal/smoke"
)

// mostRounds is how many rounds of smoke tests run at the same time. What hangs holds one of them until its timeouts.
const mostRounds = 64

// smokeTests runs the smoke tests of all watches beside the scheduler, which takes what came of them into the ticks. Nothing
// of it is journalled but by these ticks: a process that is restarted begins with a new round.
type smokeTests struct {
	*Supervisor
	slots chan struct{}

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
	newest       analyzer.SmokeRound
	// failing is when the first of the newest rounds in a row that failed began.
	failing time.Time
	// waiting are the rounds that no tick has taken in yet.
	waiting []analyzer.SmokeRound
}

func newSmokeTests(s *Supervisor) *smokeTests {
	return &smokeTests{Supervisor: s, slots: make(chan struct{}, mostRounds), runs: map[smokeKey]*smokeRun{}}
}

// start starts the rounds that are due.
func (s *smokeTests) start(ctx context.Context, now time.Time, running *sync.WaitGroup) {
	if s.opts.Smoke == nil {
		return
	}
	open := map[string]bool{}
	for _, a := range s.open() {
		w := a.view.Load()
		open[w.Key] = true
		for _, sig := range w.Policy.Signals {
			if sig.Kind == analyzer.KindSmoke {
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
	select {
	case s.slots <- struct{}{}:
	default:
		return // in a moment
	}
	run.running, run.begun, run.before = true, now, before
	alone := before && s.oldServesAlone(w, now)
	running.Go(func() {
		defer func() { <-s.slots }()
		round := s.opts.Smoke.Round(ctx, sig.Smoke, w.smokeNames(phase))
		s.ended(ctx, key, run, round, alone)
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
	snapshot, ok := s.opts.Cache.Cached(w.workload(), w.blueGreen())
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
func (s *smokeTests) ended(ctx context.Context, key smokeKey, run *smokeRun, round analyzer.SmokeRound, alone bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	run.running, run.ended = false, time.Now()
	if ctx.Err() != nil {
		return // it was broken off
	}
	round.At, round.Before = run.begun.UTC(), run.before
	switch run.newest = round; {
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
		if run.workload == mine.workload || run.ended.IsZero() || mine.failing.IsZero() || run.ended.Before(mine.failing) {
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

// addRounds moves the rounds that ended into the newest tick of a job.
func (s *smokeTests) addRounds(j job, ticks []analyzer.Tick) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sig := range j.watch.Policy.Signals {
		run := s.runs[smokeKey{watch: j.watch.Key, signal: sig.Name, phase: j.phase}]
		if run != nil && len(run.waiting) > 0 {
			ticks[len(ticks)-1].Signals[sig.Name] = analyzer.Measurement{Smoke: run.waiting}
			run.waiting = nil
		}
	}
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
