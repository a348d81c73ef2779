package watch

import (
	"fmt"
	"time"

	"github.com/rollbackd/rollbackd/internal/event"
)

// This file holds for how long the announced version is waited for, and what becomes of the second event of a pair that comes after that.

// startedFor is for how long a deployment that was announced as started may at least go on before its version is live. Tools give up on
// a rollout after 5 to 15 minutes by themselves, and what they wait for is often two such things in a row: the new colour and its smoke
// tests, or a hook before the upgrade and the upgrade. What takes longer has mostly been abandoned without a word, and is not to be
// waited for all day: people are told that nobody watches.
const startedFor = 30 * time.Minute

// Settling is for how long the version of an event with that status is waited for: SettleFor where the deployment is complete, and longer
// where it has only begun, since what is under way is not late. A policy whose active stage is longer than startedFor is for releases that
// take their time, and waits for as long as that.
func (p Policy) Settling(status event.Status) time.Duration {
	if status == event.StatusStarted {
		return max(startedFor, p.Stages[0].Until, p.SettleFor)
	}
	return p.SettleFor
}

// settling returns since when the announced version is waited for, and for how long. It counts from the event that says that the
// deployment is complete.
func (w Watch) settling() (since time.Time, limit time.Duration) {
	since = w.AcceptedAt
	if w.Event.Status != event.StatusStarted && !w.toldComplete.IsZero() {
		since = w.toldComplete
	}
	return since, w.Policy.Settling(w.Event.Status)
}

// neverLive says for how long the announced version was waited for in vain.
func (w Watch) neverLive() string {
	_, limit := w.settling()
	if w.Event.Status == event.StatusStarted {
		return fmt.Sprintf("the announced version was not live within %s of the start", limit)
	}
	return fmt.Sprintf("the announced version was not live within %s", limit)
}

// tooLate answers the second event of a pair whose watch has ended. It changes nothing of a release that was watched, or that nobody is to
// watch; but where the watch was given up before there was anything to watch, who published it must hear that the
// release has no watch now. It gets none from this event: the id stands for the watch that has ended, whose record says so.
func (w Watch) tooLate() error {
	if w.State != Inconclusive || w.Pin != nil || w.Policy.Name == "" {
		return nil
	}
	return &event.Rejection{
		Code: event.CodeTooLate, Field: "id", Value: event.Quote(w.Event.ID),
		Reason: "the deployment that was announced as started with this id is not watched any more: " + briefly(w.Reason),
		Fix:    "publish the event with an id of its own to have the version watched that is live now",
	}
}
