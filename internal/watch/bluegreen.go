package watch

import (
	"fmt"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/rollback"
)

// This file holds what is different about a blue-green deployment: the Service's selector decides what is live.

// blueGreen returns the switch that the event announced; nil for a rolling update.
func (w Watch) blueGreen() *rollback.Switch {
	if w.Event.Strategy != event.StrategyBlueGreen {
		return nil
	}
	return &rollback.Switch{
		Service: w.Event.Service, SelectorKey: w.Event.SelectorKey, From: w.Event.From, To: w.Event.To,
	}
}

// repeats reports whether the event of w, whose release o follows already, says nothing that o does not know. A release
// behind another Service, or the switch of one that was announced as rolled out only, has a way back of its own.
func (w Watch) repeats(o Watch) bool {
	mine, theirs := w.blueGreen(), o.blueGreen()
	if w.Event.SchemaChange && !o.Event.SchemaChange {
		return false // which rules out what the other watch may be about to do
	}
	return mine == nil || theirs != nil && *mine == *theirs
}

// beside reports whether the two watches follow the same version behind two Services: neither replaces the other.
func (w Watch) beside(o Watch) bool {
	mine, theirs := w.blueGreen(), o.blueGreen()
	return mine != nil && theirs != nil && mine.Service != theirs.Service && w.Event.Version == o.Event.Version
}

// forbiddenSwitch returns why the publisher may not name the switch, for good; nil if it may, or may yet.
func (w Watch) forbiddenSwitch(snapshot rollback.Snapshot) *rollback.Refusal {
	if r := rollback.CheckSwitch(snapshot, w.Event.Version); r != nil && r.Code == rollback.RefuseSwitchForbidden {
		return r
	}
	return nil
}

// unauthorisedSwitch tells the publisher of a switch that it may not name.
func unauthorisedSwitch(e event.Event, r *rollback.Refusal) *event.Rejection {
	return &event.Rejection{
		Code: event.CodeUnauthorised, Field: "service", Value: event.Quote(e.Service),
		Reason: r.Reason,
		Fix:    "name the Service whose selector, with selectorKey=to, selects this workload's pods and, with from, those of the other colour",
	}
}

// switchedAway reports whether the Service no longer sends its traffic to the release that is being judged.
func (w Watch) switchedAway(snapshot rollback.Snapshot) (string, bool) {
	pinned, live := w.Pin.Switch, snapshot.Switch
	switch {
	case pinned == nil || live == nil:
		return "", false
	case live.ServiceUID != pinned.ServiceUID:
		return fmt.Sprintf("Service %s was deleted", pinned.Service), true
	case live.Live() == pinned.From:
		return fmt.Sprintf("somebody switched Service %s back to %s by hand", pinned.Service, pinned.From), true
	case live.Live() != pinned.To:
		return fmt.Sprintf("Service %s was switched to %s", pinned.Service, live.Live()), true
	}
	return "", false
}

// switchedOn reports whether the Service no longer sends its traffic to the colour that the rollback chose.
func (w Watch) switchedOn(snapshot rollback.Snapshot) (string, bool) {
	pinned, live := w.Pin.Switch, snapshot.Switch
	switch {
	case live == nil:
		return "", false
	case live.ServiceUID != pinned.ServiceUID:
		return fmt.Sprintf("Service %s was deleted", pinned.Service), true
	case live.Live() != pinned.From:
		return fmt.Sprintf("Service %s was switched to %s", pinned.Service, live.Live()), true
	}
	return "", false
}

// failsMostly reports whether the release fails more than half of what it is asked. Leaving such a version asks less of
// the one that it is left for. Slow answers are answers: one that is slow all the time still serves, which a single pod
// of the other may not do for all of its traffic.
func (w Watch) failsMostly() bool {
	for _, a := range w.judgement.Signals {
		if a.Kind == analyzer.KindErrorRate && a.Value > 0.5 {
			return true
		}
	}
	return false
}
