package watch

import (
	"fmt"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/notifier"
)

// notices derives what people are told from the entries that were just stored.
func notices(before, after Watch, entries []incident.Entry) []notifier.Notice {
	var out []notifier.Notice
	tell := func(e incident.Entry, severity notifier.Severity, title, text string) {
		if title != "" {
			out = append(out, notifier.Notice{
				At: e.At, Severity: severity, Title: title, Text: text, Watch: after.Key,
				Environment: after.Event.Environment, Workload: after.workload().String(), Incident: after.Incident,
			})
		}
	}
	excused := before.excused
	for _, e := range entries {
		switch e.Kind {
		case incident.KindState:
			severity, title := announcement(State(e.State.To), after)
			if e.State.From == string(RollingBack) && e.State.To == string(Regressed) {
				title = "" // it is only planned anew
			}
			if after.alarming(State(e.State.To)) {
				severity = notifier.Page
			}
			tell(e, severity, title, after.withAdvice(e))
		case incident.KindFrozen:
			tell(e, notifier.Page, fmt.Sprintf("%s was deployed during the freeze %q", after.name(), e.Frozen.Name), frozenText(*e.Frozen))
		case incident.KindOwnerHold, incident.KindCameBack:
			severity, title, text := ownerNotice(e, before, after)
			tell(e, severity, title, text)
		case incident.KindPause, incident.KindPaused, incident.KindResumed:
			severity, title, text := pauseNotice(e, before, after)
			tell(e, severity, title, text)
		case incident.KindVerdict:
			if excuses(e.Verdict) && !excused { // once a watch: it may come and go
				excused = true
				tell(e, notifier.Page, after.name()+" is not to blame for what it shows, and is left as it is", e.Verdict.Reason)
			}
		}
	}
	return after.asDrill(out)
}

// excuses reports whether a verdict says that something is wrong which is not the release's doing.
func excuses(v *incident.Verdict) bool {
	return v.Phase == incident.PhaseWatch && (v.Verdict == analyzer.External || v.Verdict == analyzer.SickPod)
}

func (w Watch) name() string {
	name := fmt.Sprintf("%s %s", w.workload(), w.Event.Version)
	if percent := w.percent(); percent > 0 && w.canary() != nil {
		name += fmt.Sprintf(" (%d %%)", percent)
	}
	return name
}

// announcement says how grave a state is for people, and in what words; no title means that nobody is told.
func announcement(s State, w Watch) (notifier.Severity, string) {
	name := w.name()
	switch s {
	case Regressed:
		if w.ordered != nil {
			return notifier.Warn, name + " is to be rolled back because " + w.ordered.By + " asked for it"
		}
		return notifier.Warn, name + " is bad"
	case AwaitingApproval:
		if w.crowded() { // one page tells of all
			return notifier.Warn, name + " is bad and waits for a person to approve its rollback"
		}
		return notifier.Page, name + " is bad and waits for a person to approve its rollback"
	case Aborted:
		return notifier.Info, name + " is no longer watched"
	case RolledBack:
		return notifier.Page, name + " was rolled back, and it helped"
	case RolledBackUnverified:
		if w.CameBack != nil {
			return notifier.Page, name + " came back after it was rolled back"
		}
		return notifier.Page, name + " was rolled back; whether it helped is not known"
	case NotRecovered:
		return notifier.Page, name + " was rolled back, and it did not help"
	case Held:
		if w.crowded() {
			return notifier.Warn, name + " is bad and was not rolled back"
		}
		return notifier.Page, name + " is bad and was not rolled back"
	case Failed:
		return notifier.Page, name + " is bad and the rollback failed"
	case Inconclusive:
		if w.Reason == journalLost {
			return notifier.Page, name + " was being watched, and its watch is lost"
		}
		return notifier.Warn, name + " could not be judged"
	case Healthy:
		return notifier.Info, name + " is healthy"
	case Superseded:
		return notifier.Info, name + " was superseded"
	}
	return notifier.Info, ""
}
