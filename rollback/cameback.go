package rollback

import "time"

// CameBack reports whether the workload runs again what a rollback to this pin's target took back.
func (p Pin) CameBack(s Snapshot) bool {
	if s.UID != p.WorkloadUID || !ContainersEqual(s.Template, p.Release.Template) {
		return false
	}
	if p.Canary != nil && s.Replicas == 0 { // that is how it was taken away
		return false
	}
	if p.Switch == nil {
		return true
	}
	return s.Switch != nil && s.Switch.ServiceUID == p.Switch.ServiceUID && s.Switch.Live() == p.Switch.To
}

// rolledBackAt returns when a release with the same containers was last rolled back, by the earlier watches; zero if none
// was. A drill does not count: it is meant to be repeated.
func rolledBackAt(release Revision, past []PastWatch) time.Time {
	var last time.Time
	for _, w := range past {
		if !w.Drill && w.RolledBackAt.After(last) && ContainersEqual(w.Template, release.Template) {
			last = w.RolledBackAt
		}
	}
	return last
}
