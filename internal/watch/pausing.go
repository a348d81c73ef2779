package watch

import (
	"fmt"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/rollback"
)

// This file holds the part of Next that stops a rollout on suspicion and lets it go on. The pause is journalled before it is
// made, with the time by which it ends, and its outcome after; that the rollout goes on is always wanted sooner or later,
// and so needs no intent of its own. Both only ever touch the one field, so that nothing here can bring a version out or
// take one back.
//
// A watch ends whether or not its pause could be ended: people must hear of it, and who is to look after the release now,
// though the API server is away. The pause is followed up by the watch's guard, as holds of owners are, which lives on for
// as long as the journal does not say that the rollout goes on, over every restart.

// RolloutPause is the stop of a release's rollout on suspicion.
type RolloutPause struct {
	Mark rollback.PauseMark `json:"mark"`
	// At is when it was journalled, and Landed says that the API server is known to have taken it.
	At     time.Time `json:"at"`
	Landed bool      `json:"landed,omitempty"`
	// EndedAt is when the rollout was let go on, or found to be; zero while it may be stopped.
	EndedAt time.Time `json:"endedAt,omitzero"`

	plan rollback.Pause
	// calm is how many ticks in a row with data have shown nothing against the release.
	calm int
}

// open reports whether the rollout may be stopped by this pause.
func (p *RolloutPause) open() bool { return p != nil && p.EndedAt.IsZero() }

const (
	// calmTicks is how many ticks in a row must show nothing for a suspicion to have faded.
	calmTicks = 3
	// pauseUnknown is how long a pause of which the outcome is not known may still land: for as long as it is tried, and the
	// last try lasts. To look before that whether there is something to end would find nothing, and be wrong a moment later.
	pauseUnknown = intentTrusted + effectTimeout
	// resumeAgain is how long other things come first after a rollout could not be let go on.
	resumeAgain = 15 * time.Second
)

const (
	// effectPlanPause reads the workload live and plans to stop its rollout.
	effectPlanPause effect = "plan-pause"
	// effectPause stops it.
	effectPause effect = "pause"
	// effectResume lets it go on.
	effectResume effect = "resume"
)

type (
	// pausePlanned: what would stop the rollout, or why nothing is to.
	pausePlanned struct {
		plan    rollback.Pause
		refusal *rollback.Refusal
	}
	// pauseTried: what came of the pause.
	pauseTried struct {
		result rollback.Result
		detail string
	}
	// pauseEnded: the rollout goes on, or is not stopped by rollbackd any more.
	pauseEnded struct {
		result rollback.Result
		detail string
	}
	// pauseStuck: the rollout could not be let go on.
	pauseStuck struct{}
)

func (pausePlanned) isInput() {}
func (pauseTried) isInput()   {}
func (pauseEnded) isInput()   {}
func (pauseStuck) isInput()   {}

// wanted derives the effect that the watch wants from the watch alone, so that a restarted process wants the same. That a
// rollout goes on comes before all but a rollback that is about to be patched in, which does that itself; to stop one
// comes last.
func (w Watch) wanted(now time.Time) effect {
	first := w.wantedFirst(now)
	switch {
	case w.State.Final() || first == effectApply:
		return first
	case w.whyResume(now) != "" && (first == effectNone || now.Sub(w.resumeTried) > resumeAgain):
		return effectResume
	case first != effectNone:
		return first
	case w.pausable(now):
		return effectPlanPause
	case w.pauseDue(now):
		return effectPause
	}
	return effectNone
}

// pauseDue reports whether a pause that this process has journalled a moment ago is still to be made.
func (w Watch) pauseDue(now time.Time) bool {
	p := w.Pause
	return p.open() && !p.Landed && w.onTrial() && now.Sub(p.At) <= intentTrusted && p.At.After(w.resumed)
}

// whyResume says why the rollout is to go on now; empty if it is not stopped, or is to stay so.
func (w Watch) whyResume(now time.Time) string {
	p := w.Pause
	since := time.Duration(0)
	if p != nil {
		since = now.Sub(p.At)
	}
	switch {
	case !p.open() || !p.Landed && since >= 0 && since <= pauseUnknown:
		return ""
	case w.State.Final():
		return fmt.Sprintf("the watch has ended (%s)", w.State)
	case !now.Before(p.Mark.Until):
		return fmt.Sprintf("it is not stopped for longer than %s", pauseFor)
	case since < 0: // or the deadline would never come
		return "the clock was put back"
	case !p.At.After(w.resumed):
		return "the daemon was restarted, and nobody has judged the release meanwhile"
	case !w.CompletedAt.IsZero():
		return "the rollout is complete"
	case p.calm >= calmTicks:
		return fmt.Sprintf("the suspicion has faded: %d measurements in a row show nothing against the release", p.calm)
	}
	return ""
}

// calms reports whether a judgement, on data of every signal, has nothing against the release.
func calms(j analyzer.Judgement) bool { return over(j) && !blames(j) }

// blames reports whether a judgement shows a breach that may be the release's doing.
func blames(j analyzer.Judgement) bool {
	if j.Verdict == analyzer.External || j.Verdict == analyzer.SickPod {
		return false
	}
	for _, a := range j.Signals {
		if a.Outcome == analyzer.OutcomeBreach && a.Verdict != analyzer.External && a.Verdict != analyzer.SickPod {
			return true
		}
	}
	return false
}

// pausePlanned journals the pause, if the newest tick still gives reason to make it.
func (s *step) pausePlanned(in pausePlanned) {
	w := s.watch
	if !w.pausable(s.now) {
		return
	}
	if in.refusal != nil {
		s.watch.pauseRefused = w.lastTick // asked again on the next tick
		return
	}
	plan := in.plan
	plan.Mark = rollback.PauseMark{Watch: w.Key, ID: intentID(w.Key, s.now), Until: s.now.Add(pauseFor).UTC().Truncate(time.Second)}
	s.add(incident.Entry{Kind: incident.KindPause, Pause: &incident.Pause{Pause: plan, Why: suspected(w.judgement)}})
}

func (s *step) pauseTried(in pauseTried) {
	if p := s.watch.Pause; p.open() && !p.Landed {
		s.add(incident.Entry{Kind: incident.KindPaused, Paused: &incident.Outcome{Intent: p.Mark.ID, Result: in.result, Detail: in.detail}})
	}
}

func (s *step) pauseEnded(in pauseEnded) {
	if why := s.watch.whyResume(s.now); why != "" {
		s.add(incident.Entry{Kind: incident.KindResumed, Resumed: &incident.Resumed{
			Pause: s.watch.Pause.Mark.ID, Why: why, Result: in.result, Detail: in.detail,
		}})
	}
}

// applyPause folds in what became of the rollout's pause. A rollback that has landed has ended it: its patch tests that
// nothing stops the rollout, or ends what does.
func (w Watch) applyPause(e incident.Entry) Watch {
	if e.Kind == incident.KindPause {
		w.Pause = &RolloutPause{Mark: e.Pause.Mark, At: e.At, plan: e.Pause.Pause}
		return w
	}
	if !w.Pause.open() {
		return w
	}
	p := *w.Pause
	switch {
	case e.Kind == incident.KindTick && blames(w.judgement):
		p.calm = 0
	case e.Kind == incident.KindTick && calms(w.judgement):
		p.calm++
	case e.Kind == incident.KindPaused && e.Paused.Result == rollback.Landed:
		p.Landed = true
	case e.Kind == incident.KindPaused, e.Kind == incident.KindResumed,
		e.Kind == incident.KindOutcome && e.Outcome.Result == rollback.Landed:
		p.EndedAt = e.At
	}
	w.Pause = &p
	return w
}
