package watch

import (
	"fmt"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/notifier"
	"github.com/rollbackd/rollbackd/rollback"
)

// notices derives what people are told from the entries that were just stored. The same entries give notices with the same IDs, so that
// whoever is not sure whether they were sent sends them again.
func notices(before, after Watch, entries []incident.Entry) []notifier.Notice {
	var out []notifier.Notice
	excused, lastTick := before.excused, before.lastTick
	for _, e := range entries {
		var told notifier.Notice
		switch e.Kind {
		case incident.KindState:
			told = after.stateNotice(e)
		case incident.KindFrozen:
			told = notifier.Notice{
				Severity: notifier.Page, Title: fmt.Sprintf("%s was deployed during the freeze %q", after.name(), e.Frozen.Name), Text: frozenText(*e.Frozen),
				Next: "Find out who deployed during the freeze, and whether it must stay.",
			}
		case incident.KindOwnerHold, incident.KindCameBack:
			told = ownerNotice(e, before, after)
		case incident.KindPause, incident.KindPaused, incident.KindResumed:
			told = pauseNotice(e, before, after)
		case incident.KindTick:
			if e.Tick.Phase == incident.PhaseWatch {
				told = after.stageNotice(lastTick, e)
				lastTick = e.Tick.At
			}
		case incident.KindVerdict:
			if excuses(e.Verdict) && !excused { // once a watch: it may come and go
				excused = true
				told = notifier.Notice{
					Severity: notifier.Page, Title: after.name() + " is not to blame for what it shows, and is left as it is", Text: e.Verdict.Reason,
					Action: "Nothing was done.", Next: "Look for what else is wrong: " + e.Verdict.Reason,
				}
			}
		}
		if told.Title != "" {
			out = append(out, after.about(e, told))
		}
	}
	return after.asDrill(out)
}

// about fills in what notices about the watch have in common.
func (w Watch) about(e incident.Entry, n notifier.Notice) notifier.Notice {
	n.ID, n.At = e.ID, e.At
	if n.Kind == "" {
		n.Kind = notifier.KindOther
	}
	return w.identify(n)
}

// identify says which watch a notice is about.
func (w Watch) identify(n notifier.Notice) notifier.Notice {
	n.Watch, n.Environment, n.Workload, n.Incident = w.Key, w.Event.Environment, w.workload().String(), w.Incident
	n.WorkloadKind = w.workload().Kind.String()
	n.Version, n.EventID, n.Operator = w.Event.Version, w.Event.ID, w.Event.Operator
	if w.Pin != nil && w.Pin.Target != nil {
		n.Target, n.TargetImage = versionOf(*w.Pin.Target), imageOf(*w.Pin.Target)
	}
	if w.Pin != nil {
		n.Image = imageOf(w.Pin.Release)
	}
	n.RolledBack = !w.LandedAt.IsZero()
	if n.Value == "" {
		n.Signal, n.Value, n.Limit, n.Baseline = w.numbers()
	}
	if w.Incident != "" {
		n.StartedAt = w.brokeAt()
	}
	return n
}

// versionOf calls a version by the best name that it has.
func versionOf(r rollback.Revision) string {
	switch {
	case r.Version != "":
		return r.Version
	case r.Number != "":
		return "revision " + r.Number
	}
	return r.ReplicaSet
}

// imageOf is the image of a version's first container, which is what it is built from.
func imageOf(r rollback.Revision) string {
	if len(r.Images) == 0 {
		return ""
	}
	return r.Images[0]
}

// lead is the signal that decided, or that says most about how the release does; false if nothing was judged.
func (w Watch) lead() (analyzer.Assessment, bool) {
	verdict, signals := w.judgement.Verdict, w.judgement.Signals
	if w.deciding != nil {
		verdict, signals = w.deciding.Verdict, w.deciding.Signals
	}
	for _, a := range signals {
		if a.Verdict == verdict {
			return a, true
		}
	}
	return analyzer.Assessment{}, false
}

// numbers are what the leading signal showed, what it may show, and what it showed before.
func (w Watch) numbers() (signal, value, limit, baseline string) {
	if a, ok := w.lead(); ok {
		return figuresOf(a)
	}
	return "", "", "", ""
}

// figuresOf are the numbers of one signal, as people read them.
func figuresOf(a analyzer.Assessment) (signal, value, limit, baseline string) {
	value, limit = figures(a)
	switch {
	case a.Kind == analyzer.KindBusiness, a.Kind == analyzer.KindErrorRate && a.BaselineCounts.N > 0:
		baseline = a.Before()
		if a.Kind == analyzer.KindErrorRate {
			before := a
			before.Value = a.Baseline
			baseline, _ = before.Shown()
		}
	}
	return a.Signal, value, limit, baseline
}

// brokeAt is when the breach began that the incident is about.
func (w Watch) brokeAt() time.Time {
	switch a, ok := w.lead(); {
	case ok && !a.Since.IsZero():
		return a.Since
	case ok && !a.At.IsZero():
		return a.At
	case w.ordered != nil:
		return w.ordered.At
	}
	return w.Since
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
