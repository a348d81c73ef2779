package watch

import (
	"fmt"
	"strings"
	"time"

	"github.com/rollbackd/rollbackd/internal/incident"
)

// This file holds the part of Next that time alone brings about.

// blindGrace is how long after its end a watch may still wait for Prometheus to answer for its last ticks.
const blindGrace = time.Hour

// resumeGrace is how long a process that takes up a watch asks anew before it gives up what is overdue.
const resumeGrace = 2 * time.Minute

// clock looks at the deadlines. It also finishes the step of a process that was killed between its entries.
func (s *step) clock() {
	s.heed()
	w := s.watch
	switch w.State {
	case Pending:
		if w.Unwatched != "" {
			s.become(Inconclusive, w.Unwatched)
		}
	case Watching:
		s.endOfWatch()
		if s.overtime(w.begin(), w.policyNow().End()+blindGrace) {
			s.become(Inconclusive, "Prometheus did not answer for the end of the watch within an hour after it")
		}
	case Regressed:
		s.overdue()
	case AwaitingApproval:
		s.waiting()
	case RollingBack:
		s.clockRollingBack()
	case Verifying:
		s.clockVerifying()
	}
}

// overtime reports whether something has lasted for longer than it may. Time in which no process ran does not count
// against the cluster and Prometheus: they are asked again before anything is given up for lack of an answer.
func (s *step) overtime(since time.Time, limit time.Duration) bool {
	return s.now.Sub(since) > limit && s.now.Sub(s.watch.resumed) > min(limit, resumeGrace)
}

func (s *step) clockRollingBack() {
	w := s.watch
	switch {
	case w.outcome != nil && w.outcome.Intent == w.intent.ID:
		s.concluded(*w.outcome)
	case s.concludeMigration() || w.migrationStep() == incident.MigrationStarted:
	case w.lookedUp && s.overtime(w.actingSince(), max(w.Policy.Verify.Deadline, intentTrusted)):
		s.giveUp("it could not be carried out within " + w.Policy.Verify.Deadline.String() + w.hindered())
	}
}

func (s *step) clockVerifying() {
	w := s.watch
	deadline := w.Policy.Verify.Deadline
	if w.CameBack != nil {
		s.endAfterComeback()
		return
	}
	if w.restoredRollout.IsZero() {
		switch {
		case !s.overtime(w.LandedAt, deadline):
		case w.blind != "":
			s.become(RolledBackUnverified, fmt.Sprintf("rolled back, but whether its rollout is complete could not be seen within %s%s", deadline, told(w.blind)))
		default:
			s.become(NotRecovered, fmt.Sprintf("the rollout of the known-good version was not complete after %s%s", deadline, w.whyStuck()))
		}
		return
	}
	if s.concludeMigration() || w.unmigrated() != nil {
		return
	}
	s.verify()
	if s.overtime(w.verifyingSince(), deadline+2*w.Policy.Scrape()+w.Policy.Stages[0].Interval) {
		s.verifyDeadline()
	}
}

// whyStuck adds to a sentence what keeps the restored version's pods from starting, if the cluster says it.
func (w Watch) whyStuck() string {
	if w.stuck == "" {
		return ""
	}
	return ": " + w.stuck
}

// maxHindrance bounds what is told of an error, in bytes.
const maxHindrance = 400

// hindered adds to a sentence why what was wanted could not be done: a permission that is missing, for one, which nobody would
// look for otherwise.
func (w Watch) hindered() string {
	if w.hindrance == "" {
		return ""
	}
	return told(w.hindrance)
}

func told(hindrance string) string {
	return ": " + strings.ToValidUTF8(hindrance[:min(len(hindrance), maxHindrance)], "")
}
