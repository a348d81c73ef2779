package rollback

// TargetBad looks again at the pinned target by what the watches of the workload have found out by now: one whose release a
// watch ended badly on is no way back any more. It returns nil if nothing speaks against it.
func TargetBad(pin Pin, past []PastWatch) *Refusal {
	if pin.Target == nil {
		return nil
	}
	for _, w := range past {
		if w.Bad && w.of(*pin.Target) {
			return refusal(RefuseTargetBad, "%s, the version to go back to, was proven bad itself by the watch that began at %s; "+
				"roll back to another revision by hand", pin.Target.name(), stamp(w.T0))
		}
	}
	return nil
}
