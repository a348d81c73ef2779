package rollback

import "strings"

// refuseInspected looks at what was found of what the target cannot run without. What was not inspected is not refused:
// a snapshot from the cache holds nothing of it.
func refuseInspected(s Snapshot, target Revision) *Refusal {
	switch found := s.Inspected; {
	case found == nil:
		return nil
	case len(found.Missing) > 0:
		return refusal(RefuseConfigMissing, "%s would not start, because what it needs is gone: %s",
			target.name(), strings.Join(found.Missing, "; "))
	case found.Unpullable != "":
		return refusal(RefuseImageUnpullable, "%s would not start, because its image cannot be pulled: %s", target.name(), found.Unpullable)
	}
	return nil
}

// notes are what whoever approves a plan should know of it.
func notes(s Snapshot) []string {
	if s.Inspected == nil {
		return nil
	}
	return s.Inspected.Unchecked
}
