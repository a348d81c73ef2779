package watch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/notifier"
	"github.com/rollbackd/rollbackd/rollback"
)

// Feed tells of workloads that begin to run something else.
type Feed interface {
	// Run tells of all workloads of the namespaces, "" meaning all, and then of each one whose containers change. tell never
	// blocks.
	Run(ctx context.Context, namespaces []string, tell func(rollback.Changed)) error
}

const (
	// lookoutGrace is how long a process that has just started waits for events that are on their way.
	lookoutGrace = 20 * time.Second
	// effectLookout counts workloads that could not be looked at.
	effectLookout effect = "look-out"
)

// lookout looks for deployments that nobody announced. Where the policy has them watched, it makes up their events; where a
// watch ended because of one, it tells people at least.
type lookout struct {
	*Supervisor

	mu    sync.Mutex
	began time.Time
	// due are the workloads to look at, by when; replaced those whose watch ended because of the change.
	due      map[event.Target]time.Time
	replaced map[event.Target]Watch
}

func newLookout(s *Supervisor) *lookout {
	return &lookout{Supervisor: s, due: map[event.Target]time.Time{}, replaced: map[event.Target]Watch{}}
}

// run looks until ctx ends.
func (l *lookout) run(ctx context.Context) {
	l.mu.Lock()
	l.began = time.Now()
	l.mu.Unlock()
	for _, w := range l.Watches() {
		if w.State.Final() && time.Since(w.Since) < l.patience(w.shownAs()) {
			l.ended(w)
		}
	}
	var feeding sync.WaitGroup
	defer feeding.Wait()
	if l.opts.Feed != nil {
		feeding.Go(func() { l.feed(ctx) })
	}
	ticker := time.NewTicker(minPause)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case at := <-ticker.C:
			for _, t := range l.ready(at) {
				l.look(ctx, t)
			}
		}
	}
}

// feed has the feed tell of the namespaces that the policies want it to, and of others once other rules hold.
func (l *lookout) feed(ctx context.Context) {
	for ctx.Err() == nil {
		current := l.ruling.Load()
		namespaces := current.unannouncedIn()
		feeding, cancel := context.WithCancel(ctx)
		var running sync.WaitGroup
		if len(namespaces) > 0 {
			running.Go(func() {
				if err := l.opts.Feed.Run(feeding, namespaces, l.changed); err != nil {
					l.opts.Log.Error("deployments that nobody announces are not watched", zap.Error(err))
				}
			})
		}
		for same := true; same && ctx.Err() == nil; {
			select {
			case <-ctx.Done():
			case <-current.over:
				current = l.ruling.Load()
				same = slices.Equal(namespaces, current.unannouncedIn())
			}
		}
		cancel()
		running.Wait()
	}
}

// unannouncedIn are the namespaces of the policies that have unannounced deployments watched.
func (r Rules) unannouncedIn() []string {
	var some []Policy
	for _, p := range r.Policies {
		if p.Unannounced {
			some = append(some, p)
		}
	}
	return r.namespacesOf(some)
}

// policy is the one that a workload is watched by; nil if there is none.
func (l *lookout) policy(t event.Target) *Policy {
	p, _ := ChoosePolicy(l.rules().Policies, event.Event{Environment: t.Environment, Namespace: t.Namespace, Workload: t.Workload})
	return p
}

// changed takes note of a workload that may run something new. Of the environments, it belongs to the first one that has
// such a deployment watched.
func (l *lookout) changed(c rollback.Changed) {
	for _, environment := range l.opts.Environments {
		t := event.Target{Environment: environment, Namespace: c.Workload.Namespace, Workload: c.Workload.Name}
		p := l.policy(t)
		if p == nil || !p.Unannounced {
			continue
		}
		if c.ProgressedAt.IsZero() || time.Since(c.ProgressedAt) <= p.End() {
			l.note(t, time.Now())
		}
		return
	}
}

// ended takes note of a watch that ended because of a change which no event has told of so far. It never blocks. Only
// Deployments are looked out for: how another kind's template came to be live cannot be told yet.
func (l *lookout) ended(w Watch) {
	if w.State != Superseded || w.Reason != replacedByAnother || w.workload().Kind != rollback.KindDeployment {
		return
	}
	t := w.shownAs()
	l.mu.Lock()
	l.replaced[t] = w
	l.mu.Unlock()
	l.note(t, w.Since.Add(l.patience(t)))
}

// patience is how long the event of a workload's deployment may take.
func (l *lookout) patience(t event.Target) time.Duration {
	if p := l.policy(t); p != nil {
		return p.announceWithin()
	}
	return DefaultAnnounceWithin
}

// note has a workload looked at, at the earliest of the times that are asked for, and not before the events that wait
// have been handed out.
func (l *lookout) note(t event.Target, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if earliest := l.began.Add(lookoutGrace); at.Before(earliest) {
		at = earliest
	}
	if asked, ok := l.due[t]; !ok || at.Before(asked) {
		l.due[t] = at
	}
}

func (l *lookout) ready(now time.Time) (out []event.Target) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for t, at := range l.due {
		if !now.Before(at) {
			delete(l.due, t)
			out = append(out, t)
		}
	}
	return out
}

// look reads a workload and does what follows. The lookout does one thing at a time: it is in no hurry.
func (l *lookout) look(ctx context.Context, t event.Target) {
	about := []zap.Field{zap.String("environment", t.Environment), zap.String("namespace", t.Namespace), zap.String("workload", t.Workload)}
	err := l.judge(ctx, t)
	if err == nil || ctx.Err() != nil {
		return
	}
	if errors.Is(err, rollback.ErrNotFound) {
		l.forget(t)
		return
	}
	l.opts.Metrics.effectFailed(effectLookout)
	l.opts.Log.Warn("a workload that may run something new could not be looked at; trying again", append(about, zap.Error(err))...)
	l.note(t, time.Now().Add(maxPause))
}

func (l *lookout) forget(t event.Target) (replaced Watch, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	replaced, ok = l.replaced[t]
	delete(l.replaced, t)
	return replaced, ok
}

func (l *lookout) judge(ctx context.Context, t event.Target) error {
	p := l.policy(t)
	if p == nil {
		l.forget(t)
		return nil
	}
	snapshot, err := l.opts.Cluster.Read(ctx, rollback.Workload{Namespace: t.Namespace, Name: t.Workload}, nil)
	if err != nil {
		return err
	}
	s := sighting{target: t, policy: *p, snapshot: snapshot, known: l.of(t)}
	found := s.find(time.Now())
	if !found.again.IsZero() {
		l.note(t, found.again)
		return nil
	}
	if found.unannounced && p.Unannounced {
		if err := l.watch(ctx, s, found.introduced); err != nil {
			return err
		}
	}
	if replaced, ok := l.forget(t); ok && found.unannounced && !p.Unannounced {
		l.send(unwatched(replaced, snapshot, p.announceWithin()))
	}
	return nil
}

// of returns the watches of a workload.
func (l *lookout) of(t event.Target) []Watch {
	return l.matching(func(w *Watch) bool { return w.shownAs() == t && w.workload().Kind == rollback.KindDeployment })
}

// watch makes up the event of a deployment and has it watched.
func (l *lookout) watch(ctx context.Context, s sighting, in rollback.Introduction) error {
	e, err := s.event(in)
	var rejection *event.Rejection
	if errors.As(err, &rejection) { // no name for its version, for one: nothing that trying again would change
		l.opts.Log.Warn("a deployment that nobody announced cannot be watched", zap.String("workload", s.snapshot.Workload.String()), zap.Error(err))
		return nil
	}
	if err != nil {
		return err
	}
	m := Published{Subject: s.target.Subject(), Data: e.Raw}
	w, err := l.newWatch(ctx, e, m, &s.policy)
	if err != nil {
		return err
	}
	w.Unannounced = true
	return l.store(ctx, w, m)
}

// unwatched is what people are told of a change that ended a watch and that is not watched itself.
func unwatched(replaced Watch, s rollback.Snapshot, within time.Duration) notifier.Notice {
	return replaced.identify(notifier.Notice{
		ID: noticeID("unwatched", replaced.Key, string(s.Template)), Kind: notifier.KindOther, At: time.Now(), Severity: notifier.Warn,
		Action: "What is live now is not watched.", Next: "Announce it to have it watched, or set watchUnannounced in the policy.",
		Title: fmt.Sprintf("unwatched change of %s", replaced.workload()),
		Text: fmt.Sprintf("Version %s was being watched when the containers were changed to %s, and no event has told of that within %s. What is live now is not watched; "+
			"announce it to have it watched, or set watchUnannounced in the policy.", replaced.Event.Version, or(s.Version(), "something without a version"), within),
	})
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
