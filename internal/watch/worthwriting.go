package watch

import "github.com/rollbackd/rollbackd/internal/incident"

// worthWriting reports whether entries change what the files of a watch tell. Reading a day's journal and rendering it takes a good part of a
// second, and a signal at its limit changes the verdict again and again: as long as there is no incident, the files tell of no verdict.
func worthWriting(w Watch, entries []incident.Entry) bool {
	for _, e := range entries {
		switch e.Kind {
		case incident.KindTick:
		case incident.KindVerdict:
			if w.Incident != "" {
				return true
			}
		default:
			return true
		}
	}
	return false
}
