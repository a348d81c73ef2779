package watch

import (
	"github.com/rollbackd/rollbackd/analyzer"
	"github.com/rollbackd/rollbackd/internal/incident"
)

// This file says which of a workload's series are whose.

// subject is what is measured of the watch's workload.
func (w Watch) subject(members analyzer.Members) analyzer.Subject {
	return analyzer.Subject{Key: w.Key, Namespace: w.Event.Namespace, Workload: w.workload().Name, Release: members}
}

// release are the series of the version that is being judged.
func (w Watch) release() analyzer.Members {
	m := analyzer.Members{PodPrefix: w.Pin.Release.PodPrefix, Versions: w.versions(), Undivided: true}
	if w.canary() != nil { // where nothing tells it from the stable workload, nothing is known of it
		m.Workload, m.Alias, m.Undivided = w.Event.Canary, w.Event.Workload, false
	}
	return m
}

// predecessor are the series of the version that the release replaces.
func (w Watch) predecessor() analyzer.Members {
	m := analyzer.Members{NotVersions: w.versions(), Undivided: true}
	if w.canary() != nil {
		m.Workload, m.Undivided = w.Event.Workload, false
	}
	if w.Pin.Target != nil {
		m.PodPrefix = w.Pin.Target.PodPrefix
	}
	return m
}

// restored are the series of the version that serves once the rollback has landed.
func (w Watch) restored() analyzer.Members {
	m := w.predecessor()
	if w.intent != nil && w.intent.Plan.Switch != nil {
		m.PodPrefix = w.intent.Plan.Switch.ToPodPrefix
	}
	if w.intent != nil && w.intent.Plan.Canary != nil {
		m.PodPrefix = w.intent.Plan.Canary.StablePodPrefix
	}
	return m
}

// versions are the values that a version label of the release's series may have.
func (w Watch) versions() []string {
	return w.Event.VersionLabels(w.Pin.Release.Version)
}

// judged is what the ticks of a phase measure.
func (w Watch) judged(phase incident.Phase) analyzer.Subject {
	if phase == incident.PhaseVerify {
		// The known-good version's pods may have served all along, so the first sample of one proves nothing.
		return w.subject(w.restored())
	}
	sub := w.subject(w.release())
	sub.Known, sub.Fresh = w.known, w.Pin.Switch == nil
	if control := w.predecessor(); w.Pin.Target != nil || len(control.NotVersions) > 0 {
		control.Undivided = false // what cannot be told apart is no control of itself
		sub.Control = control
	}
	return sub
}
