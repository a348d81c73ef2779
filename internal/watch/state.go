package watch

import "slices"

// State is where a watch stands.
type State string

// The states.
const (
	// Pending: accepted; the cluster does not show the announced version yet.
	Pending State = "Pending"
	// Watching: the version is live and is being judged.
	Watching State = "Watching"
	// Regressed: proven bad; what to do about it is being decided.
	Regressed State = "Regressed"
	// AwaitingApproval: proven bad, and a person must decide whether it is rolled back.
	AwaitingApproval State = "AwaitingApproval"
	// RollingBack: the intent is journalled; the cluster is being changed.
	RollingBack State = "RollingBack"
	// Verifying: rolled back; whether this helped is being measured.
	Verifying State = "Verifying"

	// Healthy: watched to the end and never proven bad, on enough data.
	Healthy State = "Healthy"
	// Inconclusive: it could not be told whether the release is good.
	Inconclusive State = "Inconclusive"
	// Superseded: another version took its place.
	Superseded State = "Superseded"
	// RolledBack: rolled back, and the signals are back within their limits.
	RolledBack State = "RolledBack"
	// RolledBackUnverified: rolled back, but there were no data to tell whether it helped.
	RolledBackUnverified State = "RolledBackUnverified"
	// NotRecovered: rolled back, and the signals are still bad: the release was not the cause, or not the only one.
	NotRecovered State = "NotRecovered"
	// Held: proven bad and deliberately not acted on.
	Held State = "Held"
	// Failed: the rollback was tried and the cluster refused it, or its down-migration failed.
	Failed State = "Failed"
	// Aborted: a person ended the watch.
	Aborted State = "Aborted"
)

// transitions is every change of state there is.
func transitions() map[State][]State {
	return map[State][]State{
		Pending:          {Watching, Inconclusive, Superseded, Aborted},
		Watching:         {Regressed, Healthy, Inconclusive, Superseded, Aborted},
		Regressed:        {AwaitingApproval, RollingBack, Held, Superseded, Aborted},
		AwaitingApproval: {RollingBack, Held, Superseded, Aborted},
		RollingBack:      {Verifying, Regressed, Held, Superseded, Failed},
		Verifying:        {RolledBack, RolledBackUnverified, NotRecovered, Failed},
	}
}

// CanBecome reports whether a watch may go from s to next.
func (s State) CanBecome(next State) bool { return slices.Contains(transitions()[s], next) }

// Final reports whether a watch ends in this state.
func (s State) Final() bool {
	switch s {
	case Pending, Watching, Regressed, AwaitingApproval, RollingBack, Verifying: // those that the table goes on from; it is asked for often
		return false
	}
	return true
}

// known reports whether this version knows the state. One that a later version has written is none to go by: it is neither final
// nor anything to act on.
func (s State) known() bool {
	for from, to := range transitions() {
		if s == from || slices.Contains(to, s) {
			return true
		}
	}
	return false
}
