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

// SchemaSince refuses to go back past a change of the database schema that a watch of the workload knows of, to whichever target
// the pin has. The known-good one was chosen so; one that a person names was not.
func SchemaSince(pin Pin, s Snapshot, past []PastWatch) *Refusal {
	if pin.Target == nil || pin.Switch != nil || pin.Canary != nil {
		return nil
	}
	c := chooser{snapshot: s, release: pin.Release, past: past}
	if !c.schemaChangedSince(*pin.Target) {
		return nil
	}
	return refusal(RefuseSchemaChange, "a release after %s changed a database schema, so %s may not run on it", pin.Target.name(), pin.Target.name())
}
