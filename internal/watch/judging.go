package watch

import (
	"fmt"
	"math"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/incident"
)

// This file holds the part of Next that folds ticks and ends a watch on them.

func (s *step) measured(in measured) {
	for _, t := range in.ticks {
		s.tick(in.phase, t)
	}
}

func (s *step) tick(phase incident.Phase, t analyzer.Tick) {
	verifying := s.watch.State == Verifying
	if s.watch.State.Final() || verifying != (phase == incident.PhaseVerify) || s.watch.seen(phase, t) {
		return
	}
	earlier, before := s.watch, s.watch.verdictOf(phase)
	s.add(incident.Entry{Kind: incident.KindTick, Tick: &incident.Tick{Phase: phase, Tick: t}})
	if after := s.watch.verdictOf(phase); after != before && !(phase == incident.PhaseWatch && after == analyzer.Regressed) {
		s.addVerdict(phase)
	} else if phase == incident.PhaseWatch {
		s.closeStage(earlier)
	}
	switch s.watch.State {
	case Watching:
		s.endOfWatch()
	case Regressed:
		s.overdue()
	case RollingBack:
		s.stillDue(t)
	case Verifying:
		s.verify()
	}
}

// seen reports whether a tick was folded before: ticks that were measured twice count once.
func (w Watch) seen(phase incident.Phase, t analyzer.Tick) bool {
	if phase == incident.PhaseVerify {
		return w.restoredRollout.IsZero() || !t.At.After(w.restoredRollout) || !t.At.After(w.lastVerify)
	}
	return !t.At.After(w.lastTick)
}

func (w Watch) verdictOf(phase incident.Phase) analyzer.Verdict {
	if phase == incident.PhaseVerify {
		return w.recovery.Verdict
	}
	return w.judgement.Verdict
}

func (s *step) addVerdict(phase incident.Phase) {
	w := s.watch
	j, at := w.judgement, w.lastTick
	if phase == incident.PhaseVerify {
		j, at = w.recovery, w.lastVerify
	}
	s.add(incident.Entry{Kind: incident.KindVerdict, Verdict: &incident.Verdict{
		Phase: phase, Verdict: j.Verdict, Reason: j.Reason, Signals: j.Signals, Evidence: min(j.Evidence, math.MaxFloat64), Required: j.Required, Queries: w.queries(phase, at), Graphs: w.graphs(phase),
	}})
}

// queries are what a person can paste into Prometheus to see what was judged.
func (w Watch) queries(phase incident.Phase, at time.Time) map[string]string {
	return w.asked(phase, func(sig analyzer.Signal) analyzer.Span { return analyzer.Span{From: at.Add(-sig.Rule.Window), At: at} })
}

// graphs are the same for the whole course, which names no time.
func (w Watch) graphs(phase incident.Phase) map[string]string {
	return w.asked(phase, func(sig analyzer.Signal) analyzer.Span { return analyzer.Span{At: time.Time{}.Add(sig.Rule.Window)} })
}

func (w Watch) asked(phase incident.Phase, span func(analyzer.Signal) analyzer.Span) map[string]string {
	out := make(map[string]string, len(w.Policy.Signals))
	for _, sig := range w.Policy.Signals {
		if !sig.FromMetrics() {
			continue
		}
		if q, err := analyzer.Query(sig, w.nameable(phase), span(sig)); err == nil {
			out[sig.Name] = q
		}
	}
	return out
}

// endOfWatch ends a watch whose last stage is over. One that is proven bad at the end becomes Regressed instead.
func (s *step) endOfWatch() {
	w := s.watch
	if w.Policy.EarlyPass && w.judgement.ProvenHealthy && w.PassedActive {
		s.become(Healthy, fmt.Sprintf("proven healthy after %s: %s", w.lastTick.Sub(w.begin()).Round(time.Second), w.judgement.Reason))
		return
	}
	if !w.over() || w.judgement.Verdict == analyzer.Regressed {
		return
	}
	if verdict, reason := w.judgement.AtEnd(); verdict == analyzer.Healthy {
		s.become(Healthy, fmt.Sprintf("watched for %s: %s", w.policyNow().End(), reason))
		return
	}
	s.become(Inconclusive, fmt.Sprintf("watched for %s: %s%s", w.policyNow().End(), w.judgement.Reason, w.perhapsLate()))
}

// maybeLate is said where there was no data: whoever asks later may find an answer, and not know what was wrong.
const maybeLate = ". If Prometheus has an answer to the query in the record by now, its samples come too late, or too seldom, to be counted: rollbackctl doctor tells"

func (w Watch) perhapsLate() string {
	for _, a := range w.judgement.Signals {
		if a.Verdict == w.judgement.Verdict && a.Outcome == analyzer.OutcomeNoData {
			return maybeLate
		}
	}
	return ""
}
