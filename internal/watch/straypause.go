package watch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"go.uber.org/zap"

	"github.com/rollbackd/rollbackd/notifier"
	"github.com/rollbackd/rollbackd/rollback"
)

// This file ends pauses that nobody else ends any more: those of watches that were lost with NATS' storage, and those of a
// process that was frozen and woke up after another one had gone on. The annotation tells until when a pause may last; no
// watch needs to be known. Whether the pause is rollbackd's own is looked at live before it is ended.

// strayGrace is how long after its deadline a pause is left to its own watch.
const strayGrace = 30 * time.Second

// stray is a pause that was seen, and when it is ended if it is still there.
type stray struct {
	mark rollback.PauseMark
	due  time.Time
}

type strays struct {
	// pauses are those that were seen, by workload.
	pauses map[rollback.Workload]stray
}

func newStrays() strays { return strays{pauses: map[rollback.Workload]stray{}} }

// seen remembers a pause. What the annotation says is believed only so far as no pause lasts for longer than it may.
func (s strays) seen(w rollback.Workload, value string, now time.Time) {
	mark, ok := rollback.ParsePause(value)
	if !ok || w.Kind != rollback.KindDeployment {
		return
	}
	if known, ok := s.pauses[w]; ok && known.mark.ID == mark.ID {
		return
	}
	due := mark.Until
	if latest := now.Add(pauseFor); due.After(latest) {
		due = latest
	}
	s.pauses[w] = stray{mark: mark, due: due.Add(strayGrace)}
}

// seePause looks whether a workload of which the cluster shows something new is paused.
func (m *marker) seePause(w rollback.Workload) {
	if m.opts.Pause == nil {
		return
	}
	if snapshot, ok := m.opts.Cache.Cached(w, nil); ok && snapshot.Paused {
		m.rememberPause(w, snapshot.Annotations[rollback.PauseAnnotation])
	}
}

func (m *marker) rememberPause(w rollback.Workload, value string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.strays.seen(w, value, time.Now())
}

// findPauses looks for pauses, which only Deployments have.
func (m *marker) findPauses(ctx context.Context, at place) {
	if m.opts.Pause == nil || at.kind != rollback.KindDeployment {
		return
	}
	found, err := m.opts.Marks.Annotated(ctx, at.kind, at.namespace, rollback.PauseAnnotation)
	if err != nil {
		if ctx.Err() == nil && !rollback.IsForbidden(err) { // which it will be again
			m.opts.Log.Warn("no pauses could be looked for", zap.String("namespace", at.namespace), zap.Error(err))
			later(m, m.search, at)
		}
		return
	}
	for _, a := range found {
		m.rememberPause(a.Workload, a.Value)
	}
}

// endStrays ends the pauses that are due.
func (m *marker) endStrays(ctx context.Context) {
	m.mu.Lock()
	all := maps.Clone(m.pauses)
	m.mu.Unlock()
	for w, p := range all {
		if time.Now().Before(p.due) || ctx.Err() != nil {
			continue
		}
		again := m.endStray(ctx, w, p.mark)
		m.mu.Lock()
		delete(m.pauses, w)
		if again {
			m.pauses[w] = stray{mark: p.mark, due: time.Now().Add(remarkAfter)}
		}
		m.mu.Unlock()
	}
}

// endStray ends one; again says that it could not be ended now.
func (m *marker) endStray(ctx context.Context, w rollback.Workload, mark rollback.PauseMark) (again bool) {
	bounded, cancel := context.WithTimeout(ctx, effectTimeout)
	defer cancel()
	result, _, err := m.opts.Pause.Resume(bounded, w, mark)
	switch {
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return true
	case err != nil:
		m.opts.Metrics.effectFailed(effectResume)
		m.opts.Log.Warn("a rollout that was paused for too long could not be let go on; trying again", zap.String("workload", w.String()), zap.Error(err))
		return true
	case result == rollback.Landed:
		m.opts.Log.Warn("a rollout was still paused after its time and goes on", zap.String("workload", w.String()), zap.String("watch", mark.Watch))
		m.send(notifier.Notice{
			ID: noticeID("stray-pause", mark.Watch, mark.ID), Kind: notifier.KindOther, At: time.Now(), Severity: notifier.Warn, Title: fmt.Sprintf("the rollout of %s goes on", w),
			Text:  fmt.Sprintf("It was paused on suspicion until %s, and the watch that did so has not ended the pause.", mark.Until.UTC().Format(time.RFC3339)),
			Watch: mark.Watch, Workload: w.String(),
		})
	}
	return false
}
