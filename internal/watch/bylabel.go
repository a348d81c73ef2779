package watch

import (
	"fmt"
	"time"

	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/event"
	"github.com/rollbackd/rollbackd/internal/incident"
	"github.com/rollbackd/rollbackd/rollback"
)

// This file is about StatefulSets and DaemonSets, whose pods' names do not tell which version they run. The cluster does,
// by a label, and so it is asked, from its cache, whose the pods are before they are measured.

// sameWorkload reports whether two watches are of one workload; a StatefulSet may have the name of a Deployment.
func (w Watch) sameWorkload(o Watch) bool {
	return w.Event.Environment == o.Event.Environment && w.workload() == o.workload()
}

// byLabel reports whether the watch's pods are told by their label alone.
func (w Watch) byLabel() bool { return w.Pin != nil && w.Pin.Release.ByLabel }

// podsByLabel are the pods of a watch at the time of measuring.
type podsByLabel struct {
	// judged are those of the version that is measured, with when each was made; others are those of all other versions.
	judged analyzer.Members
	others map[string]bool
}

// shown tells the pods of a watch apart by what the cache shows. It is false while the cache does not show the workload
// as the watch knows it: the ticks are then measured later.
func (s *scheduler) shown(w *Watch, phase incident.Phase) (*podsByLabel, bool) {
	if !w.byLabel() {
		return nil, true
	}
	snapshot, ok := s.opts.Cache.Cached(w.workload(), nil)
	if !ok || w.contradicts(snapshot) {
		return nil, false
	}
	pods := w.podsIn(snapshot, phase)
	return &pods, true
}

// podsIn tells the pods of the version that a phase measures from all others. A restart of the release makes another
// revision of the same.
func (w Watch) podsIn(snapshot rollback.Snapshot, phase incident.Phase) podsByLabel {
	measured := w.Pin.Release
	if phase == incident.PhaseVerify {
		measured = rollback.Revision{UID: w.intent.Plan.ToUID, Template: w.intent.Plan.ToTemplate}
	}
	mine := map[string]bool{measured.UID: true}
	if live := snapshot.Live; live != nil && rollback.ContainersEqual(live.Template, measured.Template) {
		mine[live.UID] = true
	}
	out := podsByLabel{others: map[string]bool{}}
	out.judged.Pods = map[string]bool{}
	for _, p := range snapshot.Pods {
		if !mine[p.Owner] {
			out.others[p.Name] = true
			continue
		}
		out.judged.Pods[p.Name] = true
		if w.Event.Kind == event.KindStatefulSet {
			// Its pods keep their names, and what was counted under one before the pod was made is another version's.
			// Creation is told in whole seconds, rounded down.
			out.judged = out.judged.From(p.Name, p.CreatedAt.Add(time.Second))
		}
	}
	return out
}

// within puts the pods into what is measured.
func (p *podsByLabel) within(sub analyzer.Subject) analyzer.Subject {
	if p == nil {
		return sub
	}
	sub.Release.Pods, sub.Release.Since = p.judged.Pods, p.judged.Since
	sub.Control.Pods = p.others
	return sub
}

// allPods are the pods of the workload by the form of their names, of whichever version. Before the deployment began they
// were all of the version before it.
func (w Watch) allPods(m analyzer.Members) analyzer.Members {
	switch w.Event.Kind {
	case event.KindStatefulSet:
		m.Ordinals = w.Event.Workload + "-"
	case event.KindDaemonSet:
		m.PodPrefix = w.Event.Workload + "-"
	}
	return m
}

// nameable is what the ticks of a phase measure, as far as a query can say it. Where the pods' names do not tell the version,
// it names the pods that were measured, or else all of them.
func (w Watch) nameable(phase incident.Phase) analyzer.Subject {
	sub := w.judged(phase)
	switch {
	case !w.byLabel():
	case phase == incident.PhaseWatch && len(w.known) > 0:
		sub.Release.Pods = w.known
	default:
		sub.Release = w.allPods(sub.Release)
	}
	return sub
}

// longestName is the longest name of a DaemonSet whose pods' names still hold all of it.
const longestName = 57

// untold returns why the pods of a workload cannot be told from others', empty if they can.
func (w Watch) untold(release rollback.Revision) string {
	if !release.PodsNamed() {
		return fmt.Sprintf("the name of ReplicaSet %s is too long for its pods' names to tell them from others'; "+
			"give the Deployment a name of at most 46 characters", release.ReplicaSet)
	}
	if w.Event.Kind == event.KindDaemonSet && len(w.Event.Workload) > longestName {
		return fmt.Sprintf("the name of the DaemonSet is too long for its pods' names to tell them from others'; "+
			"give it a name of at most %d characters", longestName)
	}
	return ""
}
