package watch

import (
	"fmt"

	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/notifier"
)

// notices derives what people are told from the entries that were just stored.
func notices(before, after Watch, entries []incident.Entry) []notifier.Notice {
	var out []notifier.Notice
	for _, e := range entries {
		if e.Kind != incident.KindState {
			continue
		}
		severity, title := announcement(State(e.State.To), after)
		if title == "" {
			continue
		}
		out = append(out, notifier.Notice{
			At: e.At, Severity: severity, Title: title, Text: e.State.Reason, Watch: after.Key,
			Environment: after.Event.Environment, Workload: after.workload().String(), Incident: after.Incident,
		})
	}
	return out
}

// announcement says how grave a state is for people, and in what words; no title means that nobody is told.
func announcement(s State, w Watch) (notifier.Severity, string) {
	name := fmt.Sprintf("%s/%s %s", w.Event.Namespace, w.Event.Workload, w.Event.Version)
	switch s {
	case Regressed:
		return notifier.Warn, name + " is bad"
	case RolledBack:
		return notifier.Page, name + " was rolled back, and it helped"
	case RolledBackUnverified:
		return notifier.Page, name + " was rolled back; whether it helped is not known"
	case NotRecovered:
		return notifier.Page, name + " was rolled back, and it did not help"
	case Held:
		return notifier.Page, name + " is bad and was not rolled back"
	case Failed:
		return notifier.Page, name + " is bad and the rollback failed"
	case Inconclusive:
		return notifier.Warn, name + " could not be judged"
	case Healthy:
		return notifier.Info, name + " is healthy"
	case Superseded:
		return notifier.Info, name + " was superseded"
	}
	return notifier.Info, ""
}
